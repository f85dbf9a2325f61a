#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""In the virtual server hotplug: NICs are unplugged by the power of their slots, all at once, and
plugged in again, until they share. One process, since starting them takes most of the time.

hotplug.py ROUNDS NUMBER...     of slots 0000:0NUMBER:00 behind port NUMBER - 1
"""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

IOMUL = Path(__file__).resolve().parents[2] / "build/iomul"
PATIENCE = 60


class Monitor:
    """QEMU's, through the port that lab/guest/qmp uses, which must not run meanwhile."""

    def __init__(self):
        self.port = open("/dev/virtio-ports/lab.ctl", "r+b", buffering=0)

    def __call__(self, command, **arguments):
        self.port.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        reply = b""
        while not reply.endswith(b"\n"):
            reply += self.port.read(65536)
        if "error" in json.loads(reply):
            sys.exit(f"{command}: {reply.decode()}")


class Slot:
    def __init__(self, number):
        self.number = int(number)
        self.name = f"0000:{self.number:02x}:00"
        self.device = Path("/sys/bus/pci/devices", self.name + ".0")
        found = [p.parent for p in Path("/sys/bus/pci/slots").glob("*/address") if p.read_text().strip() == self.name]
        self.power = found[0] / "power"

    def unplug(self):
        """The kernel wants to be done with plugging in first."""
        while True:
            try:
                self.power.write_text("0")
                return
            except OSError:
                time.sleep(0.05)

    def plug(self, monitor):
        n = self.number
        monitor("device_add", driver="e1000e", id=f"nic{n - 1}", bus=f"port{n - 1}", mac=f"52:54:00:00:00:{n:02x}")


def until(what, done):
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            sys.exit(f"{what}: not within {PATIENCE} s")
        time.sleep(0.05)


def all_share(slots):
    """Each is in the table, and not as unplugged."""
    lines = subprocess.run([IOMUL, "status"], capture_output=True, text=True, check=True).stdout.splitlines()
    there = {line.split()[1] for line in lines if len(line.split()) > 2 and "unplugged" not in line}
    return all(s.name[5:] in there for s in slots)


def main(rounds, *numbers):
    monitor, slots = Monitor(), [Slot(n) for n in numbers]
    for _ in range(int(rounds)):
        threads = [threading.Thread(target=s.unplug, daemon=True) for s in slots]
        for t in threads:
            t.start()
        for t in threads:
            t.join(PATIENCE)
        until("unplugged", lambda: not any(s.device.exists() for s in slots))
        for s in slots:
            s.plug(monitor)
        until("plugged in", lambda: all(s.device.exists() for s in slots))
        until("share again", lambda: all_share(slots))


main(*sys.argv[1:])
