"""Functions behind URLs."""


def obeys():
    """Answers with what the request's body says."""
    import base64

    while True:
        id, body, _ = next_event()
        event = json.loads(body)
        body = event.get("body", "")
        if event["isBase64Encoded"]:
            body = base64.b64decode(body)
        if body == b"fail":
            fail(id)
        else:
            respond(id, body)


def breaks_off():
    while True:
        id, body, _ = next_event()
        path = json.loads(body)["rawPath"]
        begin(id, "text/plain")
        chunk(b"one")
        chunk(b"two")
        if path == "/exit":
            os._exit(1)
        if path == "/late":
            time.sleep(60)
        end()


INTEGRATION = "application/vnd.awslambda.http-integration-response"


def streams_by_path(gate):
    while True:
        id, body, _ = next_event()
        path = json.loads(body)["rawPath"]
        if path == "/plain":
            respond(id, '{"statusCode":202,"headers":{"x-a":"b"},"body":"unread"}')
            continue
        if path == "/fail":
            fail(id)
            continue
        if path == "/raw":
            begin(id, "text/x-raw")
            chunk(b"raw")
            end()
            continue
        begin(id, INTEGRATION)
        if path == "/bad":
            chunk(b"no prelude")
            end()
            continue
        prelude = b'{"statusCode":206,"headers":{"Content-Type":"application/x-own"},"cookies":["a=1; Path=/","b=2"]}'
        chunk(prelude + b"\0\0\0")
        chunk(b"\0\0\0\0\0one\xff\0")
        wait_for(gate)
        chunk(b"two")
        end()


def streams_with_a_prelude():
    while True:
        id, _, _ = next_event()
        begin(id, INTEGRATION)
        chunk(b'{"statusCode":201}' + b"\0" * 8)
        chunk(b"one")
        chunk(b"two")
        end()
