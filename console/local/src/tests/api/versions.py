"""Functions that tell which version they are."""


def tells_its_version():
    while True:
        id, _, headers = next_event()
        env = os.environ
        answer = {
            "version": env["AWS_LAMBDA_FUNCTION_VERSION"],
            "who": env.get("WHO"),
            "stream": env["AWS_LAMBDA_LOG_STREAM_NAME"],
            "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
            "pid": os.getpid(),
        }
        respond(id, json.dumps(answer))


def tells_its_version_and_arn():
    while True:
        id, _, headers = next_event()
        arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        respond(id, json.dumps([os.environ["AWS_LAMBDA_FUNCTION_VERSION"], arn]))


def tells_who_it_is():
    while True:
        id, _, _ = next_event()
        respond(id, os.environ.get("WHO", "one"))


def answers_other():
    while True:
        id, _, _ = next_event()
        respond(id, '"other"')
