"""Functions that stream their responses."""


def streams_two_parts(gate):
    while True:
        id, _, _ = next_event()
        begin(id, "application/x-own")
        chunk(b"one\0\xff")
        wait_for(gate)
        chunk(b"two")
        end()


def fails_in_the_middle():
    while True:
        id, _, _ = next_event()
        begin(id)
        chunk(b"half")
        end(b'{"errorMessage":"mid"}')


def stops_in_the_middle():
    while True:
        id, body, _ = next_event()
        begin(id)
        chunk(b"half")
        if body == b"1":
            os._exit(3)
        time.sleep(600)


def streams_on(gate, done):
    """Writes to `done` how its response went."""
    while True:
        id, _, _ = next_event()
        begin(id)
        chunk(b"one")
        wait_for(gate)
        for n in range(100):
            chunk(b"x" * 65536)
        status, _ = end()
        with open(done + ".new", "w") as file:
            file.write(f"{status} {os.getpid()}")
        os.rename(done + ".new", done)


def streams_100_mb(sent):
    """Writes to `sent` how many pieces are sent."""
    while True:
        id, _, _ = next_event()
        begin(id)
        for n in range(1600):
            chunk(b"x" * 65536)
            with open(sent, "w") as file:
                file.write(str(n))
        end()


def streams_as_many_megabytes():
    block = b"x" * (1 << 20)
    last = 0
    while True:
        id, body, _ = next_event()
        n = json.loads(body)
        if n == 0:
            respond(id, str(last))
            continue
        begin(id)
        for _ in range(n):
            chunk(block)
        last, _ = end()


def answers_when_let(mark, gate):
    while True:
        id, _, _ = next_event()
        open(mark, "w").close()
        wait_for(gate)
        respond(id, "1")
