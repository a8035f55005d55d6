"""Runs a program as a function, under a Runtime API on a loopback port.

Reads {"program", "environment", "events"} and prints {"answers", "output"}: what the program
answers to each event, in their order, and all that it prints. It gets SIGTERM once it has
answered all of them and polls again. An extension inside the program that registers for INVOKE
gets an event with each invocation, and has to poll again too.
"""

import base64
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue

LIMIT = 60
asked = json.load(sys.stdin)
waiting, invoked = Queue(), Queue()
pollers, polling = {waiting}, set()
for number, event in enumerate(asked["events"]):
    waiting.put((number, event.encode()))
answers = [None] * len(asked["events"])
ended = threading.Event()


def answer(target, kind, body, trailers):
    number, verb = target.split("/invocation/")[1].split("/")
    failed = trailers.get("lambda-runtime-function-error-body")
    if failed is not None:
        verb, body = "error", base64.b64decode(failed)
    answers[int(number)] = {verb: body.decode(), "type": kind}


def terminate():
    limit = time.monotonic() + LIMIT
    while (None in answers or pollers - polling) and time.monotonic() < limit:
        time.sleep(0.02)
    process.terminate()


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, body=b"{}", **fields):
        self.send_response(200)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def wait(self, queue):
        while not ended.is_set():
            try:
                return queue.get(timeout=0.02)
            except Empty:
                # Only now: an event that is there already is not the end.
                polling.add(queue)
        self.close_connection = True
        return None

    def do_GET(self):
        if self.path.endswith("/restore/next"):
            return self.reply()
        if self.path.endswith("/extension/event/next"):
            event = self.wait(invoked)
            return event and self.reply(event)
        next_one = self.wait(waiting)
        if next_one:
            number, event = next_one
            arn = "arn:aws:lambda:eu-west-1:123456789012:function:hello"
            invoke = {"deadlineMs": 4102444800000, "requestId": str(number)}
            invoke |= {"eventType": "INVOKE", "invokedFunctionArn": arn}
            polling.discard(invoked)
            invoked.put(json.dumps(invoke).encode())
            self.reply(
                event,
                Content_Type="application/json",
                Lambda_Runtime_Aws_Request_Id=str(number),
                Lambda_Runtime_Deadline_Ms="4102444800000",
                Lambda_Runtime_Invoked_Function_Arn=arn,
                Lambda_Runtime_Trace_Id="Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1",
            )

    def do_POST(self):
        body, trailers = b"", {}
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while line := self.rfile.readline().strip().decode():
                name, _, value = line.partition(":")
                trailers[name.lower()] = value.strip()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/extension/register"):
            if b"INVOKE" in body:
                pollers.add(invoked)
            names = {"functionName": "hello", "functionVersion": "$LATEST", "handler": "h"}
            return self.reply(json.dumps(names).encode(), Lambda_Extension_Identifier="e-1")
        polling.discard(waiting)
        answer(self.path, self.headers.get("Content-Type"), body, trailers)
        self.reply()


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A program that ended left its connections."""


server = Server(("127.0.0.1", 0), Api)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = {
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_NAME": "hello",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % server.server_port,
    "AWS_REGION": "eu-west-1",
}
process = subprocess.Popen(
    [asked["program"]],
    env=environment | asked["environment"],
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
)
killed = threading.Timer(LIMIT, process.kill)
killed.start()
threading.Thread(target=terminate, daemon=True).start()
output, _ = process.communicate()
killed.cancel()
ended.set()
print(json.dumps({"answers": answers, "output": output}))
