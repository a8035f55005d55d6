"""Functions that start processes which leave them."""


def start(command):
    import subprocess

    shell = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE)
    return int(shell.stdout.readline())


def daemons():
    return [
        start("echo $$; exec sleep 600 >/dev/null"),
        start('setsid sh -c "echo \\$\\$; exec sleep 600 >/dev/null" & exit'),
        start(
            '(env -i setsid sh -c "(trap \\"\\" HUP TERM; sh -c \'echo \\$PPID\'; exec sleep 600 >/dev/null) & exit" &) & exit'
        ),
    ]


def starts_daemons():
    """Starts three processes which leave it in different ways, and answers with their ids and its own."""
    while True:
        id, body, _ = next_event()
        answer = json.dumps([*daemons(), os.getpid()])
        if b"stay" in body:
            print("family", answer, flush=True)
            time.sleep(600)
        respond(id, answer)


def registers_and_waits():
    """An extension."""
    register(name="daemon")
    event()
