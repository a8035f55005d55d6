"""Functions that tell what they see."""


def tells_what_it_sees():
    while True:
        id, _, headers = next_event()
        headers = {name.lower(): value for name, value in headers.items()}
        seen = {"env": dict(os.environ), "cwd": os.getcwd(), "headers": headers, "now": time.time() * 1000}
        respond(id, json.dumps(seen))


def prints_just_before_it_answers():
    while True:
        id, _, _ = next_event()
        os.write(1, b"out " + id.encode() + b"\n")
        os.write(2, b"no line end " + id.encode())
        respond(id, "1")


def prints_much():
    while True:
        id, _, _ = next_event()
        print("ä" * 10000, flush=True)
        respond(id, "1")


def notes_its_request_and_fails():
    while True:
        id, body, _ = next_event()
        with open(json.loads(body), "a") as file:
            file.write(id + "\n")
        fail(id)


def works_for_a_second():
    while True:
        id, _, _ = next_event()
        time.sleep(1)
        respond(id, str(os.getpid()))


def streams_and_may_fail():
    while True:
        id, body, _ = next_event()
        fails = json.loads(body)
        begin(id)
        chunk(b"one ")
        chunk(b"two")
        assert end(b'{"errorMessage":"mid"}' if fails else None)[1] == b'{"status":"OK"}'
