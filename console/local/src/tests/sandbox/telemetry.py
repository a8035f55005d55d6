"""Extensions that listen, and write what they hear to the file `HEARD`, a batch a line."""


def prints():
    while True:
        id, body, _ = next_event()
        print("from the function", flush=True)
        respond(id, body)


def prints_3_mb():
    while True:
        id, body, _ = next_event()
        for n in range(60):
            print("x" * 50_000, flush=True)
        respond(id, body)


def note(words):
    with open(os.environ["HEARD"], "ab") as heard:
        heard.write(words + b"\n")


def listener():
    import http.server

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            note(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    return http.server.ThreadingHTTPServer, Listener


def in_background(work):
    threading.Thread(target=work, daemon=True).start()


def subscribe_at(port, *types, path="/2022-07-01/telemetry", version="2022-07-01"):
    buffering = {"timeoutMs": 25, "maxItems": 1000, "maxBytes": 262144}
    destination = {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/path"}
    body = {"schemaVersion": version, "types": types, "buffering": buffering, "destination": destination}
    return ask("PUT", path, json.dumps(body))


def listen():
    """Begins to listen; gives the port."""
    make, handler = listener()
    server = make(("127.0.0.1", 0), handler)
    in_background(server.serve_forever)
    return server.server_port


def listens(subscribing):
    """An extension that listens in this way until the end."""
    port = listen()
    register("INVOKE", "SHUTDOWN")
    subscribing(port)
    say("ready to hear")
    until_shutdown()


def to_all(port):
    say(subscribe_at(port, "platform", "function", "extension")[2])


def twice(port):
    subscribe_at(port, "function")
    again = subscribe_at(port, "function")[0]
    say(again, subscribe_at(port, "function", path="/2020-08-15/logs", version="2020-08-15")[0])


def to_logs(port):
    subscribe_at(port, "platform", path="/2020-08-15/logs", version="2021-03-18")


def wrongly(_port):
    destination = {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}
    body = {"schemaVersion": "2022-07-01", "types": [], "destination": destination}
    reply = ask("PUT", "/2022-07-01/telemetry/", json.dumps(body))
    say(reply[0], reply[2])


def where_nobody_listens(_port):
    subscribe_at(1, "platform", "function")


def over_tcp(_port):
    import socketserver

    class Lines(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                note(b"[" + line.strip() + b"]")

    tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Lines)
    in_background(tcp.serve_forever)
    destination = {"protocol": "TCP", "port": tcp.server_address[1]}
    body = {"schemaVersion": "2022-07-01", "types": ["function"], "buffering": {"timeoutMs": 25}}
    ask("PUT", "/2022-07-01/telemetry", json.dumps({**body, "destination": destination}))


def late(_port):
    """Comes up only when `HEARD.go` is there: what the buffer cannot hold is lost."""
    import socket

    # It has the port from the beginning, so that nobody else takes it; as long as it does not listen, callers are refused.
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    subscribe_at(held.getsockname()[1], "platform", "function")

    def come_up():
        while not os.path.exists(os.environ["HEARD"] + ".go"):
            time.sleep(0.01)
        make, handler = listener()
        behind = make(held.getsockname(), handler, bind_and_activate=False)
        behind.socket.close()
        behind.socket = held
        behind.server_activate()
        behind.serve_forever()

    in_background(come_up)


def listens_inside_the_function():
    port = listen()
    register()
    subscribe_at(port, "platform")
    in_background(event)
    prints()
