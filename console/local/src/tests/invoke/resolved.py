"""Functions whose versions differ."""


def answers(number):
    while True:
        id, _, _ = next_event()
        respond(id, str(number))
