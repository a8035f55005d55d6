"""A function that prints `lines` long lines, then streams; waits for the file `gate`, and streams `megabytes`."""

while True:
    id, body, _ = next_event()
    event = json.loads(body)
    for number in range(event.get("lines", 0)):
        print(f"line {number} " + "x" * 200, flush=True)
    begin(id, "text/plain")
    chunk(b"one")
    if "gate" in event:
        wait_for(event["gate"])
    for _ in range(event.get("megabytes", 0)):
        chunk(b"x" * (1 << 20))
    end()
