"""Functions that need memory."""


def takes_200_mb_if_told():
    while True:
        id, body, _ = next_event()
        how, size = json.loads(body), 200 << 20
        # For good, for a moment, and little by little.
        if how == "good":
            held = b"x" * size
        if how == "moment":
            len(b"x" * size)
        if how == "bits":
            held = []
            while True:
                held.append(b"x" * 100_000)
        respond(id, json.dumps("still here"))


def takes_200_mb_in_its_init():
    held = b"x" * (200 << 20)
    next_event()


def starts_a_child_of_200_mb():
    import subprocess

    child = 'import time; held = b"x" * (200 << 20); time.sleep(600)'
    while True:
        next_event()
        subprocess.run([sys.executable, "-c", child])


def reserves_what_it_never_touches():
    import mmap, threading

    held = mmap.mmap(-1, 1 << 30)
    for _ in range(40):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    echo()
