"""A function that makes the file `begun`, prints `say`, sleeps `sleep` seconds, and fails with `fail` or answers with
the variable `env`."""

while True:
    id, body, _ = next_event()
    event = json.loads(body)
    if "begun" in event:
        open(event["begun"], "w").close()
    if "say" in event:
        print(event["say"], flush=True)
    time.sleep(event.get("sleep", 0))
    if "fail" in event:
        error = {"errorType": "Function.Oops", "errorMessage": event["fail"], "stackTrace": ["a", "b"]}
        fail(id, json.dumps(error))
    else:
        respond(id, json.dumps({"env": os.environ.get(event.get("env", "")), "event": event}))
