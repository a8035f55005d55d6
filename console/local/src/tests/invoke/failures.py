"""Functions that go wrong."""


def hangs_with_a_child():
    import subprocess

    while True:
        id, body, _ = next_event()
        if body == b"1":
            child = subprocess.Popen(["sleep", "600"])
            print("child", child.pid, flush=True)
            time.sleep(600)
        respond(id, '"fine"')


def dies():
    print("about to die", flush=True)
    sys.exit(3)


def exits_as_told():
    while True:
        id, body, _ = next_event()
        n = json.loads(body)
        if n < 0:
            os.kill(os.getpid(), -n)
        os._exit(n)


def hangs_in_its_first_init():
    mark = os.environ["MARK"]
    if not os.path.exists(mark):
        open(mark, "w").close()
        time.sleep(600)
    echo()


def tells_an_init_error():
    headers = {"Lambda-Runtime-Function-Error-Type": "Function.Config"}
    call("POST", "init/error", '{"errorType":"Config","errorMessage":"no table"}', headers)
    sys.exit(1)


def answers_twice():
    last = []
    while True:
        id, _, _ = next_event()
        strange = respond("x", "1")[0]
        body = json.dumps(last + [strange])
        first = respond(id, body)
        again = respond(id, body)[0]
        last = [first[0], first[2].decode(), again, call("POST", "init/error", "{}")[0], call("GET", "nothing")[0]]


def answers_with_as_many_bytes():
    status = 0
    while True:
        id, body, _ = next_event()
        n = json.loads(body)
        reply = respond(id, b"x" * n if n else str(status))
        status = reply[0]


def prints_a_megabyte_and_no_utf_8():
    while True:
        id, _, _ = next_event()
        os.write(1, b"a\xff\xfeb\n")
        sys.stdout.write("y" * 1048576 + "\n")
        sys.stdout.flush()
        respond(id, "1")


def floods_its_output():
    import subprocess

    flood = subprocess.Popen(["sh", "-c", "yes & exec sleep 600"])
    while True:
        id, _, _ = next_event()
        respond(id, "1")


def answers_once():
    id, body, _ = next_event()
    respond(id, body)


def sends_a_refused_body_late():
    while True:
        id, _, _ = next_event()
        connection = api.sock
        api.putrequest("POST", "/2018-06-01/runtime/invocation/strange/response")
        api.putheader("Content-Length", "5")
        api.endheaders()
        # The head goes out alone.
        time.sleep(0.05)
        api.send(b"12345")
        reply = api.getresponse()
        reply.read()
        respond(id, json.dumps([reply.status, api.sock is connection]))
