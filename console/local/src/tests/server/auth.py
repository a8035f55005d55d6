"""Functions that ask where they may not."""


def asks_as_a_page():
    def status(method, path, headers):
        other = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        other.request(method, path, headers=headers)
        return other.getresponse().status

    next = "/2018-06-01/runtime/invocation/next"
    while True:
        id, _, _ = next_event()
        page = status("GET", next, {"Origin": "https://evil.example"})
        respond(id, json.dumps([page, status("GET", "/else", {"Host": "evil.example"}), status("GET", "/else", {})]))


def tells_its_api():
    while True:
        id, _, _ = next_event()
        respond(id, json.dumps(os.environ["AWS_LAMBDA_RUNTIME_API"]))


def asks_anothers_api():
    # A request that is read would be answered: with an event, or that it is wrong.
    def reached(api):
        other = http.client.HTTPConnection(api, timeout=20)
        try:
            other.request("POST", "/2018-06-01/runtime/invocation/strange/response", b"stolen")
            return other.getresponse().status
        except (http.client.RemoteDisconnected, ConnectionError):
            return None

    while True:
        id, body, _ = next_event()
        respond(id, json.dumps([reached(json.loads(body)), reached(os.environ["AWS_LAMBDA_RUNTIME_API"])]))
