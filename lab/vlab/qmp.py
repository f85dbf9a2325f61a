# SPDX-License-Identifier: GPL-2.0-only
"""A QMP client, and the relay that lets scripts in the virtual server use it."""

import json
import threading
import time


class Qmp:
    def __init__(self, sock):
        self.sock, self.file = sock, sock.makefile("rw")
        self.events, self.lock = [], threading.Lock()
        self.read()                                     # the greeting
        self.command({"execute": "qmp_capabilities"})

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def command(self, request):
        """The answer as QEMU gives it; events that come first are kept."""
        with self.lock:
            self.file.write(json.dumps(request) + "\n")
            self.file.flush()
            while "event" in (answer := self.read()):
                self.events.append(answer)
            return answer

    def wait(self, name, device, seconds):
        """The first event `name` (of that device id, if not None) that nobody waited for yet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            # Events arrive together with the answer to any command.
            self.command({"execute": "query-version"})
            for event in self.events:
                if event["event"] == name and device in (None, event.get("data", {}).get("device")):
                    self.events.remove(event)
                    return event
            time.sleep(0.05)
        return {"error": {"desc": f"no event {name} of {device} in {seconds} s"}}


def answer(qmp, line):
    try:
        request = json.loads(line)
    except ValueError as error:
        return {"error": {"desc": f"not JSON: {error}"}}
    if "wait" in request:
        return qmp.wait(request["wait"], request.get("device"), request.get("seconds", 30))
    return qmp.command(request)


def serve(qmp, sock):
    """Relays lines between the port lab.ctl and QMP until the virtual server goes."""
    try:
        with sock.makefile("rw") as file:
            for line in file:
                file.write(json.dumps(answer(qmp, line)) + "\n")
                file.flush()
    except (EOFError, OSError):
        pass
