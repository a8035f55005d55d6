"""Functions whose sandboxes rest."""


def notices_lost_time():
    """Has a thread that notes each time it finds that time has passed without it."""
    import threading

    longest = 0

    def watch():
        nonlocal longest
        last = time.monotonic()
        while True:
            time.sleep(0.001)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    threading.Thread(target=watch, daemon=True).start()
    while True:
        id, _, _ = next_event()
        respond(id, json.dumps([os.getpid(), longest]))


def works_after_its_answer():
    while True:
        id, _, _ = next_event()
        respond(id, str(os.getpid()))
        time.sleep(0.3)
        print("done after the answer", flush=True)


def leaves_a_line_without_its_end():
    while True:
        id, _, _ = next_event()
        respond(id, str(os.getpid()))
        sys.stdout.write("no newline")
        sys.stdout.flush()


def records_and_waits():
    while True:
        id, body, _ = next_event()
        event = json.loads(body)
        with open(event["record"], "a") as record:
            record.write(body.decode() + "\n")
        wait_for(event["until"])
        respond(id, "1")


def works_on_for_as_long():
    while True:
        id, body, _ = next_event()
        respond(id, json.dumps(os.getpid()))
        time.sleep(json.loads(body))
