"""Functions that note their events in the file `LOG`."""


def note(words):
    with open(os.environ["LOG"], "a") as log:
        log.write(words + "\n")


def notes_and_fails():
    while True:
        id, body, _ = next_event()
        note(body.decode())
        fail(id)


def notes():
    while True:
        id, body, _ = next_event()
        note(body.decode())
        respond(id, '{"n": 1.50}')


def notes_little():
    while True:
        id, _, _ = next_event()
        note("x")
        respond(id, "1")
