"""A function that streams as its event specifies: `type`, the content type; `chunks`, latin-1 texts; `gate`, a file to
wait for after the first; `fill`, a number of megabytes; `error`, the error to end with. With `plain` it answers with what
came beside the event."""


def answers(id, headers):
    context, tenant = headers["Lambda-Runtime-Client-Context"], headers["Lambda-Runtime-Aws-Tenant-Id"]
    respond(id, json.dumps({"context": context, "tenant": tenant}))


def streams(id, event):
    print("streams", flush=True)
    begin(id, event.get("type", "text/plain"))
    for number, text in enumerate(event.get("chunks", [])):
        if number == 1 and "gate" in event:
            wait_for(event["gate"])
        chunk(text.encode("latin-1"))
    for _ in range(event.get("fill", 0)):
        chunk(b"x" * (1 << 20))
    end(json.dumps(event["error"]).encode() if "error" in event else None)


while True:
    id, body, headers = next_event()
    event = json.loads(body)
    if "plain" in event:
        answers(id, headers)
    else:
        streams(id, event)
