"""Extensions, external and internal, and functions with them."""


def tells_what_it_hears():
    feature = {"Lambda-Extension-Accept-Feature": "accountId"}
    status, headers, body = register("INVOKE", "SHUTDOWN", headers=feature)
    say("registered", body)
    names = {"AWS_LAMBDA_FUNCTION_NAME", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE", "AWS_REGION"}
    say("environment", sorted(set(os.environ) & names))
    while True:
        told = event()
        say("heard", json.dumps(told))
        if told["eventType"] == "SHUTDOWN":
            break


def sends_when_let(go):
    register("INVOKE")
    while True:
        event()
        while not os.path.exists(go):
            time.sleep(0.01)
        time.sleep(0.2)
        say("sent")


def exits_before_it_registers():
    say("oh")
    sys.exit(1)


def exits_after_it_registered():
    register()
    sys.exit(0)


def tells_an_error_of_its_init():
    register()
    say(error("init")[0], ask("GET", "/2020-01-01/extension/event/next")[0])
    sys.exit(2)


def never_registers():
    say(os.getpid())
    time.sleep(600)


def crashes_in_the_first_invocation():
    register("INVOKE")
    event()
    if os.path.exists(os.environ["MARK"]):
        event()
    else:
        open(os.environ["MARK"], "w").close()
        os.kill(os.getpid(), signal.SIGSEGV)


def tells_the_reason():
    register("INVOKE", "SHUTDOWN")
    while True:
        told = event()
        say("heard", told.get("shutdownReason"))
        if told["eventType"] == "SHUTDOWN":
            break


def goes_on_for_too_long():
    register("INVOKE")
    event()
    time.sleep(600)


def stays():
    say("pid", os.getpid())
    register("SHUTDOWN")
    event()
    say("staying")
    time.sleep(600)


def tells_its_process_and_the_reason():
    say("pid", os.getpid())
    register("SHUTDOWN")
    say("heard", event()["shutdownReason"])


# Functions.


def hangs_at_1():
    while True:
        id, body, _ = next_event()
        if body == b"1":
            time.sleep(600)
        respond(id, body)


def takes_an_event_and_hangs():
    next_event()
    time.sleep(600)


def bye(*_):
    print("bye", flush=True)
    os._exit(0)


def says_bye():
    signal.signal(signal.SIGTERM, bye)
    echo()


def ignores_the_end():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("pid", os.getpid(), flush=True)
    echo()


# Functions that are extensions of themselves.


def waits_inside():
    register()

    def wait():
        # Python handles signals in the main thread: this one must not take them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        event()

    threading.Thread(target=wait, daemon=True).start()


def waits_inside_and_says_bye():
    waits_inside()
    says_bye()


def listens_inside():
    register("INVOKE")

    def listen():
        while True:
            say("heard", event()["eventType"])

    threading.Thread(target=listen, daemon=True).start()
    echo()


def tells_an_error_of_its_exit():
    register()
    error("exit")
    os._exit(9)


def calls_what_does_not_fit():
    global extensions_api

    def kind(reply):
        return [reply[0], json.loads(reply[2]).get("errorType")]

    def register_raw(body, name="x"):
        return ask("POST", "/2020-01-01/extension/register", body, {"Lambda-Extension-Name": name})

    def identified(id):
        return {"Lambda-Extension-Identifier": id}

    destination = {"protocol": "HTTP", "URI": "http://sandbox:1"}
    subscription = json.dumps({"schemaVersion": "2022-07-01", "types": ["platform"], "destination": destination})
    stranger = identified("7dbd5b4e-6f02-4d6a-9b6b-3a5b9a4b2c1d")
    kinds = [
        kind(ask("GET", "/2020-01-01/extension/event/next")),
        kind(ask("GET", "/2020-01-01/extension/event/next", None, identified("x"))),
        kind(register_raw("{")),
        kind(register_raw('{"configurationKeys":["x"]}')),
        kind(register_raw("{}", "")),
        kind(register("SHUTDOWN", name="inner")),
        kind(ask("PUT", "/2022-07-01/telemetry", "{}", stranger)),
        kind(ask("GET", "/2020-01-01/extension/nothing")),
    ]
    register(name="inner")
    kinds.append(kind(ask("POST", "/2020-01-01/extension/exit/error", "{}")))
    waiting = extensions_api
    waiting.request("GET", "/2020-01-01/extension/event/next", None, identified(me))
    extensions_api = http.client.HTTPConnection(runtime_api)
    id, _, _ = next_event()
    kinds.append(kind(register(name="late")))
    kinds.append(kind(ask("PUT", "/2022-07-01/telemetry", subscription)))
    respond(id, json.dumps(kinds))
    next_event()
