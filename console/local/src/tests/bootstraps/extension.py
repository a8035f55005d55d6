#!/usr/bin/env python3
"""The Extensions API in a few lines: what every scripted extension begins with. Follows the prelude in a bootstrap that
is an internal extension."""
import http.client, json, os, signal, sys, threading, time

runtime_api = os.environ["AWS_LAMBDA_RUNTIME_API"]
extensions_api = http.client.HTTPConnection(runtime_api)
me = ""
# An external extension is called as its file.
own_name = "inner" if "next_event" in globals() else os.path.basename(sys.argv[0])


def ask(method, path, body=None, headers={}):
    extensions_api.request(method, path, body, {"Lambda-Extension-Identifier": me, **headers})
    reply = extensions_api.getresponse()
    return reply.status, reply.headers, reply.read().decode()


def register(*events, name=own_name, headers={}):
    global me
    body = json.dumps({"events": events})
    reply = ask("POST", "/2020-01-01/extension/register", body, {"Lambda-Extension-Name": name, **headers})
    me = reply[1]["Lambda-Extension-Identifier"] or me
    return reply


def event():
    return json.loads(ask("GET", "/2020-01-01/extension/event/next")[2])


def error(which):
    headers = {"Lambda-Extension-Function-Error-Type": "Extension.Oh"}
    return ask("POST", f"/2020-01-01/extension/{which}/error", "{}", headers)


def say(*words):
    print(*words, flush=True)


def until_shutdown():
    """Takes events until the last one."""
    while event()["eventType"] != "SHUTDOWN":
        pass
