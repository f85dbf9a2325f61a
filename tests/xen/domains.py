# SPDX-License-Identifier: GPL-2.0-only
"""Xen domains as the tests in dom0 see them: xl, the hypervisor's log, debug keys."""

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

PCI = Path("/sys/bus/pci/devices")
RUN = Path("/run/xen-test")
CHECKOUT = Path(__file__).resolve().parents[2]
IOMUL = CHECKOUT / "build/iomul"

CONFIG = """name = "{name}"
type = "hvm"
device_model_version = "qemu-xen"
{more}memory = 128
vga = "none"
vnc = 0
serial = [ "file:{serial}" ]
on_reboot = "destroy"
on_crash = "destroy"
{pci}
"""
# A guest that says what it finds; see the source.
KERNEL = CHECKOUT / "build/xen/guest.bin"
PV = """name = "{name}"
type = "pv"
kernel = "{kernel}"
memory = 128
pci = [ "{bdf}" ]
"""


def run(*command, **more):
    """(exit status, output and errors)"""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **more)
    return done.returncode, done.stdout


def must(*command):
    status, out = run(*command)
    if status:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {status}: {out}")
    return out


def iomul_status():
    return json.loads(must(IOMUL, "status", "--json"))


class XenLog:
    """What the hypervisor and the guests' firmware have logged since the last look."""

    def __init__(self):
        self.text = ""

    def read(self):
        self.text += must("xl", "dmesg", "-c").replace("\0", "")
        return self.text

    def wait(self, text, seconds):
        end = time.monotonic() + seconds
        while text not in self.read():
            if time.monotonic() > end:
                return False
            time.sleep(1)
        return True


log = XenLog()


def io_ports(domid):
    """Ranges of ports that a domain has permission for, as the hypervisor dumps them."""
    before = len(log.read())
    must("xl", "debug-keys", "q")
    text = log.read()[before:]
    part = text.partition(f"General information for domain {domid}:")[2].partition("General information for")[0]
    found = ranges(part)
    if found is None:
        raise RuntimeError(f"no I/O ports of domain {domid} in: {part[:400]}")
    return found


def ranges(text):
    match = re.search(r"I/O Ports\s*\{([^}]*)\}", text)
    if not match:
        return None
    pairs = [p.strip().partition("-") for p in match[1].split(",") if p.strip()]
    return [(int(a, 16), int(b or a, 16)) for a, _, b in pairs]


def mapped_ports(domid):
    """Machine ports mapped into a guest: the hypervisor logs each ioport_mapping."""
    found = re.findall(rf"ioport_map:add: dom{domid} gport=\w+ mport=(\w+) nr=(\w+)", log.read())
    return [(int(first, 16), int(first, 16) + int(nr, 16) - 1) for first, nr in found]


def kernel_image():
    """Of dom0's own kernel, for a PV guest."""
    name = f"vmlinuz-{os.uname().release}"
    found = [Path("/boot") / name, *CHECKOUT.glob(f"build/kernels/*/boot/boot/{name}")]
    return next(p for p in found if p.is_file())


def overlap(ranges, first, last):
    return [r for r in ranges if r[0] <= last and first <= r[1]]


class Guest:
    """An HVM guest that has nothing but one passed-through function, or with @kernel is to get it later."""

    # The patched device model; main() of the test says which.
    model = None

    def __init__(self, name, bdf, stock=False, kernel=None):
        RUN.mkdir(exist_ok=True)
        self.name, self.bdf = name, bdf
        self.serial = RUN / f"{name}.serial"
        self.config = RUN / f"{name}.cfg"
        more = "" if stock else f'device_model_override = "{self.model}"\n'
        more += f'kernel = "{kernel}"\n' if kernel else ""
        pci = 'passthrough = "enabled"' if kernel else f'pci = [ "{bdf}" ]'
        self.config.write_text(CONFIG.format(name=name, more=more, serial=self.serial, pci=pci))
        self.domid = None

    def create(self, *options):
        self.serial.unlink(missing_ok=True)
        self.model_log().unlink(missing_ok=True)
        status, out = run("xl", "create", *options, self.config)
        if status == 0:
            self.domid = int(must("xl", "domid", self.name))
        return status, out

    def unpause(self):
        must("xl", "unpause", self.name)

    def model_log(self):
        return Path(f"/var/log/xen/qemu-dm-{self.name}.log")

    def model_says(self):
        path = self.model_log()
        return path.read_text(errors="replace") if path.exists() else ""

    def model_pid(self):
        return int(must("xenstore-read", f"/local/domain/{self.domid}/image/device-model-pid"))

    def model_waits(self):
        """Where each thread of the device model is in dom0's kernel."""
        status, pid = run("xenstore-read", f"/local/domain/{self.domid}/image/device-model-pid")
        stacks = [] if status else sorted(Path(f"/proc/{pid.strip()}/task").glob("*/stack"))
        return run("grep", "-Hs", ".", *stacks)[1] if stacks else "there is no device model\n"

    def says(self):
        return self.serial.read_text(errors="replace") if self.serial.exists() else ""

    def wait(self, text, seconds, after=0):
        end = time.monotonic() + seconds
        while text not in self.says()[after:]:
            if time.monotonic() > end:
                return False
            time.sleep(0.3)
        return True

    def booted(self, token, seconds=240):
        return self.wait("DONE", seconds) and f"TOKEN {token}" in self.says()

    def restarted(self, seconds):
        """Waits for another domain of this name."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status, out = run("xl", "domid", self.name)
            if status == 0 and out.strip().isdigit() and int(out) != self.domid:
                self.domid = int(out)
                return True
            time.sleep(0.3)
        return False

    def destroy(self):
        run("xl", "destroy", self.name)
        self.domid = None

    def watched(self):
        """Does xl wait for what happens to the domain, to restart it?"""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.config).encode() in path.read_bytes():
                    return True
            except OSError:
                pass    # it has ended
        return False

    def destroy_for_good(self, seconds=240):
        """One that resets itself just then is created anew, and must be destroyed again."""
        end = time.monotonic() + seconds
        self.destroy()
        while self.watched() and time.monotonic() < end:
            time.sleep(1)
            self.destroy()
        return not self.watched() and not self.exists()

    def exists(self):
        return run("xl", "domid", self.name)[0] == 0


class Existing(Guest):
    """One that somebody else has configured and created."""

    def __init__(self, name, serial):
        self.name, self.serial = name, serial
        self.domid = int(must("xl", "domid", name))


def vnc_banner(port=5900):
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            s.settimeout(20)
            return s.recv(12)
    except OSError as error:
        return str(error).encode()


def manual():
    """[(section, [(command, content of the file that it shows, or None)])] of docs/xen.md."""
    sections = []
    for line in (CHECKOUT / "docs/xen.md").read_text().splitlines():
        if line.startswith("## "):
            sections.append((line[3:], []))
        elif line.startswith("    # "):
            sections[-1][1].append([line[6:], None])
        elif line.startswith("    ") and sections and sections[-1][1] and sections[-1][1][-1][0].startswith("cat "):
            shown = sections[-1][1][-1]
            shown[1] = (shown[1] or "") + line[4:] + "\n"
    return [(name, commands) for name, commands in sections if commands]


def destroy_all(guests):
    """At the same time: each takes 13 s, in which the guest could give the device back."""
    tasks = [subprocess.Popen(["xl", "destroy", g.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
             for g in guests]
    for task in tasks:
        task.wait()


def destroy_left():
    """What a part that failed half way has left would keep its HBAs from those that follow."""
    for line in run("xl", "list")[1].splitlines()[2:]:
        run("xl", "destroy", line.split()[0])


def wait_gone(pid, seconds=20):
    end = time.monotonic() + seconds
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.2)
    return not os.path.exists(f"/proc/{pid}")


def resources():
    """What attach and detach must leave as it was: resources, I/O enables, I/O windows and BARs.

    Memory and bus master enables are pciback's and the guest's business.
    """
    out = []
    for device in sorted(PCI.iterdir()):
        config = (device / "config").read_bytes()
        bridge = config[0x0e] & 0x7f == 1
        out.append((device.name, (device / "resource").read_text().split("\n")[:7], "io", config[4] & 1,
                    (config[0x1c:0x1e] + config[0x30:0x34] if bridge else config[0x10:0x28]).hex()))
    return out, Path("/proc/ioports").read_text()
