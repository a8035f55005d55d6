"""A function that is followed."""


def prints_5000_lines():
    while True:
        id, body, _ = next_event()
        print(*range(5000), sep="\n", flush=True)
        respond(id, body)
