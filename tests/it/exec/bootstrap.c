// A bootstrap as in AWS's tutorial for custom runtimes, over a socket: GET next, POST response.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[1 << 20];

// Sends a request on a connection of its own, and reads the response to its end.
static char *ask(const char *head, const char *body) {
    char address[256];
    snprintf(address, sizeof address, "%s", getenv("AWS_LAMBDA_RUNTIME_API"));
    char *port = strrchr(address, ':');
    *port++ = 0;
    struct addrinfo *found, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(address, port, &hints, &found) != 0) exit(1);
    int connection = socket(found->ai_family, found->ai_socktype, 0);
    if (connect(connection, found->ai_addr, found->ai_addrlen) != 0) exit(1);
    freeaddrinfo(found);
    dprintf(connection, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", head,
            address, strlen(body), body);
    size_t length = 0;
    ssize_t count;
    while ((count = read(connection, buffer + length, sizeof buffer - 1 - length)) > 0) length += count;
    close(connection);
    buffer[length] = 0;
    return strstr(buffer, "\r\n\r\n") + 4;
}

int main(void) {
    for (;;) {
        char *event = ask("GET /2018-06-01/runtime/invocation/next", "");
        char *id = strcasestr(buffer, "lambda-runtime-aws-request-id:");
        if (id == NULL) return 1;
        id += strlen("lambda-runtime-aws-request-id:");
        id += strspn(id, " ");
        size_t size = strlen(event) + 16;
        char *answer = malloc(size), head[512];
        snprintf(answer, size, "{\"got\":%s}", event);
        snprintf(head, sizeof head, "POST /2018-06-01/runtime/invocation/%.*s/response", (int)strcspn(id, "\r"), id);
        ask(head, answer);
        free(answer);
    }
}
