"""A function that records in the file `begun` that it has begun, sleeps `sleep` seconds, waits for the file `go`,
records in the file `ran` that it ran, and returns its event."""


def note(path):
    if path:
        with open(path, "a") as notes:
            notes.write("x")


while True:
    id, body, _ = next_event()
    wanted = json.loads(body)
    note(wanted.get("begun"))
    time.sleep(wanted.get("sleep", 0))
    if "go" in wanted:
        wait_for(wanted["go"])
    note(wanted.get("ran"))
    respond(id, body)
