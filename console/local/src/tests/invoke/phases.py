"""Functions whose phases are looked at."""


def exits_in_its_first_init():
    mark = os.environ["MARK"]
    print("coming up", flush=True)
    if not os.path.exists(mark):
        open(mark, "w").close()
        sys.exit(1)
    echo()


def exits_at_1():
    while True:
        id, body, _ = next_event()
        if body == b"1":
            os._exit(3)
        respond(id, body)


def logs_at_levels():
    def say(**line):
        print(json.dumps(line), flush=True)

    while True:
        id, body, _ = next_event()
        now = "2026-11-21T10:00:00.000Z"
        say(timestamp=now, level="DEBUG", message="a detail")
        say(timestamp=now, level="WARN", message="a warning")
        say(level="ERROR", message="without a time")
        print("plain", flush=True)
        respond(id, body)


def flushes_after_its_answer():
    while True:
        id, body, _ = next_event()
        respond(id, body)
        time.sleep(0.3)
        print("flushed", flush=True)


def flushes_when_let(go):
    while True:
        id, body, _ = next_event()
        respond(id, body)
        wait_for(go)
        print("flushed", flush=True)
        os.remove(go)


def hangs_after_its_answer():
    while True:
        id, body, _ = next_event()
        respond(id, body)
        time.sleep(600)


def exits_after_its_answer():
    id, body, _ = next_event()
    respond(id, body)
    os._exit(4)


def tells_its_trace():
    while True:
        id, _, headers = next_event()
        respond(id, json.dumps(headers["Lambda-Runtime-Trace-Id"]))
