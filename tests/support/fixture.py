"""The function of fixtures whose functions need no compiler."""


def greets(edition):
    """Prints its event, and returns it with its edition and the variable GREETING."""
    while True:
        id, body, _ = next_event()
        print("got", body.decode(), flush=True)
        answer = {"edition": edition, "got": json.loads(body), "greeting": os.environ.get("GREETING")}
        respond(id, json.dumps(answer))
