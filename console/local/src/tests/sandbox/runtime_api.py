"""Functions that speak to the Runtime API in their own way."""


def names_other_hosts():
    """Sends each request by hand with another `Host`, and answers with the statuses until then."""
    import socket

    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    connection = socket.create_connection((host, int(port)))
    answers = connection.makefile("rb")
    hosts = ["Host: x\r\n", "Host:\r\n", "", "Host: page.example:80\r\n"]

    def send(method, path, body=""):
        hosts.append(hosts.pop(0))
        head = f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\n{hosts[0]}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall((head + body).encode())
        status = answers.readline().split()[1].decode()
        headers = http.client.parse_headers(answers)
        answers.read(int(headers["Content-Length"]))
        return status, headers

    statuses = []
    while True:
        status, headers = send("GET", "invocation/next")
        statuses.append(status)
        id = headers["Lambda-Runtime-Aws-Request-Id"]
        statuses.append(send("POST", f"invocation/{id}/response", json.dumps(statuses))[0])


def polls_as_a_daemon():
    """Has an orphan in a session of its own answer, with whether it is one."""
    if os.fork() == 0:
        os.setsid()
        parent = os.getpid()
        if os.fork() == 0:
            while os.getppid() == parent:
                time.sleep(0.001)
            while True:
                id, _, _ = next_event()
                respond(id, json.dumps([os.getsid(0) == parent, os.getpgrp() == parent]))
        os._exit(0)
    os.wait()
    time.sleep(600)
