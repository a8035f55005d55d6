#!/usr/bin/env python3
"""The Runtime API in a few lines: what every scripted bootstrap begins with."""
import http.client, json, os, signal, sys, time

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/runtime/" + path, body, headers)
    reply = api.getresponse()
    return reply.status, reply.headers, reply.read()


def next_event():
    status, headers, body = call("GET", "invocation/next")
    return headers["Lambda-Runtime-Aws-Request-Id"], body, headers


def respond(id, body):
    return call("POST", f"invocation/{id}/response", body)


def fail(id, body='{"errorMessage":"no"}'):
    return call("POST", f"invocation/{id}/error", body)


def begin(id, content="application/octet-stream"):
    """Begins a streamed response."""
    api.putrequest("POST", f"/2018-06-01/runtime/invocation/{id}/response")
    api.putheader("Transfer-Encoding", "chunked")
    api.putheader("Content-Type", content)
    api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    api.putheader("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
    api.endheaders()


def chunk(data):
    api.send(b"%x\r\n%s\r\n" % (len(data), data))


def end(error=None):
    """Ends a streamed response, with an error in its trailers if there is one."""
    import base64

    api.send(b"0\r\n")
    if error:
        api.send(b"Lambda-Runtime-Function-Error-Type: Function.Mid\r\n")
        api.send(b"Lambda-Runtime-Function-Error-Body: " + base64.b64encode(error) + b"\r\n")
    api.send(b"\r\n")
    reply = api.getresponse()
    return reply.status, reply.read()


def wait_for(path):
    """Waits until a test makes this file."""
    while not os.path.exists(path):
        time.sleep(0.005)


def echo():
    while True:
        id, body, _ = next_event()
        respond(id, body)


def sleeps():
    time.sleep(600)


def never_answers():
    while True:
        next_event()
        time.sleep(600)


def tells_its_process():
    while True:
        id, _, _ = next_event()
        respond(id, str(os.getpid()))


def fails(body='{"errorMessage":"no"}'):
    while True:
        id, _, _ = next_event()
        fail(id, body)
