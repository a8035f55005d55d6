"""A function with layers."""


def tells_what_is_in_its_layers():
    """Tells where it finds a program and a library of its layers."""
    import shutil

    opt = os.environ["PATH"].split(":")[-1][: -len("/bin")]

    def text(name):
        try:
            return open(os.path.join(opt, name)).read()
        except OSError:
            return None

    while True:
        id, _, _ = next_event()
        found = {name: text(name) for name in ["lib/a", "lib/b", "shared"]}
        tool = shutil.which("layer-tool")
        libraries = os.environ["LD_LIBRARY_PATH"].split(":")[-1] == opt + "/lib"
        respond(id, json.dumps({**found, "tool": tool and tool == opt + "/bin/layer-tool", "libraries": libraries}))
