"""A function that looks around."""


def text(name):
    try:
        return open(name).read()
    except OSError as error:
        return word(error)


def write(name, words="changed"):
    try:
        return open(name, "w").write(words) and "written"
    except OSError as error:
        return word(error)


def names(dir):
    try:
        return sorted(os.listdir(dir))
    except OSError as error:
        return word(error)


def word(error):
    import errno

    return errno.errorcode[error.errno]


root = os.environ["LAMBDA_TASK_ROOT"]
opt = os.environ["PATH"].split(":")[-1][: -len("/bin")]
tmp = os.environ.get("TMPDIR", "/tmp")


def does_as_told():
    """Answers with what the event's `do` gives."""
    while True:
        id, body, _ = next_event()
        time.sleep(json.loads(body).get("sleep", 0))
        respond(id, json.dumps(eval(json.loads(body)["do"])))
