"""Functions for what goes wrong from outside."""


def here(step):
    """At its step it says its process id and goes no further, once."""
    if step == os.environ["STEP"] and not os.path.exists(os.environ["MARK"]):
        if step != "answering":
            print("at", step, flush=True)
        with open(os.environ["MARK"] + ".new", "w") as mark:
            mark.write(str(os.getpid()))
        os.rename(os.environ["MARK"] + ".new", os.environ["MARK"])
        return True


def stops_at_its_step():
    if here("init"):
        time.sleep(600)
    while True:
        id, body, _ = next_event()
        print("working", flush=True)
        if here("working"):
            time.sleep(600)
        if os.environ["STEP"] == "answering" and not os.path.exists(os.environ["MARK"]):
            print("at answering", flush=True)
            api.putrequest("POST", f"/2018-06-01/runtime/invocation/{id}/response")
            api.putheader("Content-Length", "1000")
            api.endheaders()
            api.send(b"half")
            here("answering")
            time.sleep(600)
        here("idle")
        respond(id, body)


def marks_and_waits():
    while True:
        id, body, _ = next_event()
        with open(os.environ["MARK"], "a") as mark:
            mark.write("x")
        wait_for(os.environ["GO"])
        print("done", flush=True)
        respond(id, body)


def spoils_requests():
    """Sends as many requests to its Runtime API as the event says, each with one to three things wrong with it."""
    import errno, random, socket

    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")

    def spoil(dice, request):
        data = bytearray(request)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(data) + 1)
            how = dice.randrange(6)
            if how == 0 and at < len(data):
                data[at] = dice.randrange(256)
            if how == 1:
                del data[at:]
            if how == 2:
                data[at:at] = dice.randbytes(4)
            if how == 3:
                data[at:at] = b"\r\n"
            if how == 4:
                del data[at : at + dice.randrange(40)]
            if how == 5:
                data[at:at] = b"A" * dice.randrange(20000)
        return bytes(data)

    def send(data):
        stream = socket.create_connection((host, int(port)), timeout=20)
        try:
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
            while stream.recv(65536):
                pass
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
        stream.close()

    def request(line, rest):
        return f"{line} HTTP/1.1\r\nHost: {host}\r\n{rest}".encode()

    kinds = [
        request("POST /2018-06-01/runtime/invocation/strange/response", "Content-Length: 2\r\n\r\n{}"),
        request("POST /2018-06-01/runtime/init/error", "Content-Length: 2\r\n\r\n{}"),
        request("PUT /2022-07-01/telemetry", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
    ]
    while True:
        id, body, _ = next_event()
        dice = random.Random(4)
        for n in range(json.loads(body)):
            send(spoil(dice, dice.choice(kinds)))
        respond(id, body)
