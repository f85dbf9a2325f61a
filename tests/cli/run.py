#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The command without the module: arguments, exit codes, messages, plans of sysfs trees.

usage: run.py PATH-TO-IOMUL
"""
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
from pathlib import Path

from fixture import Tree, big_iron, run_tests

IOMUL = None


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr


def iomul(*args, sysfs=None, device="/nonexistent/iomul", **env):
    environ = dict(os.environ, LC_ALL="C.UTF-8", IOMUL_DEVICE=device, **env)
    environ.pop("IOMUL_SYSFS", None)
    if sysfs:
        environ["IOMUL_SYSFS"] = sysfs
    return Result(subprocess.run([IOMUL, *args], env=environ, text=True, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, timeout=60, check=False))


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def path(self, name="sys"):
        return os.path.join(self.dir.name, name)

    def works(self, *args, **kw):
        r = iomul(*args, **kw)
        self.assertEqual(r.code, 0, r.err)
        return r

    def fails(self, code, message, *args, **kw):
        r = iomul(*args, **kw)
        self.assertEqual(r.code, code, (args, r.out, r.err))
        self.assertIn(message, r.err)
        return r


class Arguments(Case):
    def test_no_verb(self):
        self.fails(2, "no verb given")

    def test_unknown_verb(self):
        r = self.fails(2, "'frob' is not a verb", "frob")
        self.assertIn("iomul --help", r.err)

    def test_help(self):
        for args in (["help"], ["-h"], ["--help"]):
            r = self.works(*args)
            for verb in ("plan", "attach", "detach", "status", "bind", "unbind", "version"):
                self.assertIn(f"  {verb} ", r.out)
            self.assertEqual(r.err, "")

    def test_help_of_each_verb(self):
        for verb in ("plan", "attach", "detach", "status", "bind", "unbind", "help", "version"):
            for args in ([verb, "--help"], [verb, "-h"], ["help", verb]):
                self.assertIn(f"Usage: iomul {verb}", self.works(*args).out)

    def test_help_of_unknown_verb(self):
        self.fails(2, "'frob' is not a verb", "help", "frob")

    def test_version(self):
        self.assertRegex(self.works("version").out, r"^iomul \d+\.\d+")
        self.assertRegex(self.works("--version").out, r"^iomul \d+\.\d+")
        self.assertEqual(json.loads(self.works("version", "--json").out)["module"], None)

    def test_unknown_option(self):
        for verb in ("plan", "attach", "detach", "status", "bind", "unbind", "version"):
            self.fails(2, f"'--frob' is not an option of {verb}", verb, "--frob")
            self.fails(2, f"'-x' is not an option of {verb}", verb, "-x")

    def test_options_of_other_verbs(self):
        self.fails(2, "'--starved' is not an option of detach", "detach", "--starved")
        self.fails(2, "'--all' is not an option of bind", "bind", "--all")
        self.fails(2, "'--verify' is not an option of plan", "plan", "--verify")

    def test_numbers(self):
        for bad in ("0", "-1", "x", "1x", "", " 1", "65536", "99999999999999999999", "0x1"):
            self.fails(2, f"--windows {bad}: neither a number", "attach", "05:00", f"--windows={bad}")
        for bad in ("-1", "x", "65536", ""):
            self.fails(2, f"--reserve {bad}: not a number", "attach", "05:00", f"--reserve={bad}")
        self.fails(2, "--windows needs a number", "attach", "05:00", "--windows")

    def test_slots_wrong(self):
        for bad in ("", "05", "05:", ":05", "05:00.", "05:00.8", "05:20", "05:00.00", "g5:00",
                    "00005:00:00", "0000:005:00", "05:00:00:00", "0000:05:00.0 ", " 05:00",
                    "05:00.0+iomul", "05.00", "--", "../x", "05:00\n", "0x05:00"):
            r = self.fails(2, f"'{bad}' is not a slot", "attach", "--", bad)
            self.assertIn("0000:05:00", r.err)

    def test_slots_right(self):
        for good in ("05:00", "0000:05:00", "05:00.0", "0000:05:00.7", "5:0", "FF:1f"):
            self.fails(3, "module is not loaded", "attach", good)

    def test_slots_and_all(self):
        self.fails(2, "either slots or --all", "attach", "05:00", "--all")
        self.fails(2, "either --all or --starved", "attach", "--all", "--starved")
        self.fails(2, "either slots or --starved", "plan", "--starved", "05:00")

    def test_nothing_chosen(self):
        for verb in ("attach", "detach", "bind", "unbind"):
            self.fails(2, "no slot given", verb)

    def test_surplus(self):
        self.fails(2, "status takes no argument '05:00'", "status", "05:00")
        self.fails(2, "version takes no argument 'x'", "version", "x")

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            r = subprocess.run([IOMUL, "help"], stdout=full, stderr=subprocess.PIPE, text=True,
                               check=False)
        self.assertEqual(r.returncode, 1)
        self.assertIn("cannot write", r.stderr)


class Device(Case):
    VERBS = (["attach", "05:00"], ["detach", "05:00"], ["detach", "--all"], ["status"],
             ["attach", "--all"], ["status", "--json", "--verify"])

    def test_absent(self):
        for args in self.VERBS:
            self.fails(3, "modprobe iomul", *args)

    def test_another_device(self):
        for args in self.VERBS:
            self.fails(1, "not the device node of the iomul module", *args, device="/dev/null")

    def test_not_permitted(self):
        if os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"):
            self.skipTest("needs setpriv to give up root")
        node = self.path("node")
        with open(node, "w"):
            pass
        os.chmod(node, 0)
        os.chmod(self.dir.name, 0o755)
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        r = subprocess.run((drop if os.geteuid() == 0 else []) + [IOMUL, "status"], text=True,
                           env=dict(os.environ, IOMUL_DEVICE=node), stderr=subprocess.PIPE,
                           check=False)
        if "No such file" in r.stderr or "Permission denied" in r.stderr.split("iomul:")[0]:
            self.skipTest("others can't run the command from here")
        self.assertEqual(r.returncode, 4, r.stderr)
        self.assertIn("not permitted", r.stderr)


class Plan(Case):
    def plan(self, *args, code=0):
        r = iomul("plan", "--json", *args, sysfs=self.path())
        self.assertEqual(r.code, code, r.err)
        return json.loads(r.out), r

    def test_all_fed(self):
        big_iron(self.path(), slots=12, fed=12)
        p, _ = self.plan()
        self.assertEqual(p["schema"], 1)
        self.assertEqual(p["source"], "sysfs")
        self.assertEqual(p["summary"], {"functions": 12, "with_ports": 12, "with_ports_after": 12,
                                        "windows": 12, "windows_after": 1})
        self.assertEqual({f["share"]["group"] for f in p["functions"]}, {0})
        self.assertEqual(p["functions"][9]["share"]["gate"], "0000:00:03.1")
        self.assertEqual(p["functions"][9]["slot"], "0000:0a:00")
        for f in p["functions"]:
            bar, = f["bars"]
            window = f["share"]["window"]
            self.assertTrue(window["first"] <= bar["after"]["first"])
            self.assertTrue(bar["after"]["last"] <= window["last"])

    def test_some_slots(self):
        big_iron(self.path(), slots=12, fed=12)
        p, _ = self.plan("01:00", "0000:03:00.0")
        shared = [f["function"] for f in p["functions"] if f["share"]]
        self.assertEqual(shared, ["0000:01:00.0", "0000:03:00.0"])
        self.assertEqual(p["summary"]["windows_after"], 11)

    def test_windows(self):
        big_iron(self.path(), slots=12, fed=12)
        p, _ = self.plan("--all", "--windows", "3")
        self.assertEqual(len({f["share"]["group"] for f in p["functions"]}), 3)
        self.assertEqual(p["summary"]["windows_after"], 3)

    def test_starved_unsized(self):
        big_iron(self.path())
        p, _ = self.plan()
        self.assertEqual(p["summary"]["functions"], 24)
        self.assertEqual(p["summary"]["with_ports"], 15)
        starved = [f for f in p["functions"] if f["starved"]]
        self.assertEqual(len(starved), 9)
        self.assertEqual(starved[0]["bars"], [{"bar": 2, "size": None, "at": None, "after": None}])
        self.assertEqual([s["reason"] for s in p["skipped"]], ["unsized"] * 9)
        self.assertEqual(len(p["roots"][0]["held"]), 15)
        self.assertEqual(p["roots"][0]["held"][0]["function"], "0000:01:00.0")

    def test_held_by_firmware(self):
        tree = big_iron(self.path(), slots=3, fed=0)
        tree.ioports("0d00-ffff : PCI Bus 0000:00\n  0d00-0d7f : below the lowest\n"
                     "  f000-f07f : ACPI GPE0_BLK\n    f000-f003 : deeper\n")
        p, _ = self.plan()
        self.assertEqual([h["name"] for h in p["roots"][0]["held"]], ["ACPI GPE0_BLK"])

    def test_text(self):
        big_iron(self.path())
        r = self.works("plan", sysfs=self.path())
        lines = r.out.splitlines()
        self.assertRegex(lines[0], r"^FUNCTION +NAME +DRIVER +SIZE +PORTS +GROUP +WINDOW +GATE")
        self.assertEqual(sum("none (starved)" in x for x in lines), 9)
        self.assertIn("15 of 24 functions have ports now", r.out)
        self.assertIn("windows used 15 → 1", r.out)
        self.assertIn("Ports of root bus 0000:00 are held by:", r.out)
        self.assertIn("modprobe iomul", r.err)
        self.assertNotIn("\033", r.out)

    def test_steps(self):
        big_iron(self.path(), slots=2, fed=2)
        r = self.works("plan", "--steps", sysfs=self.path())
        self.assertIn("Steps of the attach", r.out)
        self.assertRegex(r.out, r"(?m)^bar +0000:01:00\.0")
        self.fails(2, "either --steps or --json", "plan", "--steps", "--json")

    def test_starved_only(self):
        big_iron(self.path())
        self.fails(1, "nothing that could be shared", "plan", "--starved", sysfs=self.path())
        r = self.fails(1, "skipped 0000:10:00", "plan", "--starved", sysfs=self.path())
        self.assertIn("size of an I/O BAR of 0000:10:00.0", r.err)

    def test_in_use(self):
        big_iron(self.path(), slots=3, fed=3, driver="megaraid_sas")
        r = self.fails(1, "0000:02:00", "plan", "02:00", sysfs=self.path())
        self.assertIn("its ports are used by the host driver megaraid_sas (0000:02:00.0); unbind "
                      "it first: echo 0000:02:00.0 > /sys/bus/pci/drivers/megaraid_sas/unbind",
                      r.err)
        self.assertEqual(r.out, "")
        p, _ = self.plan("--all", code=1)
        self.assertEqual([s["reason"] for s in p["skipped"]], ["in-use"] * 3)

    def test_refusals(self):
        tree = big_iron(self.path(), slots=3, fed=3)
        tree.port("0000:00:09.0", 9, forwards=False)
        tree.endpoint("0000:09:00.0", {0: (0x9000, 256)})
        tree.port("0000:00:0a.0", 10, (0xa000, 0xafff), isa=True)
        tree.endpoint("0000:0a:00.0", {0: (0xa000, 512)})
        tree.endpoint("0000:00:0b.0", {})
        for slot, reason, message in (
                ("07:00", "no-slot", "0000:07:00: there is no such device"),
                ("00:02", "bridge", "is a bridge, not a device"),
                ("00:0b", "no-io-bar", "none of its functions has an I/O BAR"),
                ("09:00", "no-forward", "cannot forward I/O"),
                ("0a:00", "isa", "has ISA Enable set")):
            self.fails(1, message, "plan", slot, sysfs=self.path())
            p, _ = self.plan(slot, code=1)
            self.assertEqual(p["refusal"]["reason"], reason)
            self.assertIn(message, p["refusal"]["message"])

    def test_multifunction(self):
        tree = Tree(self.path())
        tree.ioports("0d00-ffff : PCI Bus 0000:00\n")
        tree.port("0000:00:01.0", 1, (0x1000, 0x1fff))
        tree.endpoint("0000:01:00.0", {0: (0x1000, 256), 1: (0x1100, 32)})
        tree.endpoint("0000:01:00.1", {0: (0x1200, 256)})
        tree.port("0000:00:02.0", 2, (0x2000, 0x2fff))
        tree.endpoint("0000:02:00.0", {0: (0x2000, 256)})
        p, _ = self.plan()
        self.assertEqual(p["summary"]["windows_after"], 1)
        first, second = (b["after"]["first"] for f in p["functions"][:2] for b in f["bars"][:1])
        self.assertNotEqual(first, second)

    def test_switch(self):
        tree = Tree(self.path())
        tree.ioports("0d00-ffff : PCI Bus 0000:00\n")
        tree.port("0000:00:01.0", 1, (0x1000, 0x3fff), subordinate=4)
        tree.port("0000:01:00.0", 2, (0x1000, 0x3fff), subordinate=4)
        for i in range(2):
            tree.port(f"0000:02:0{i}.0", 3 + i, (0x1000 * (1 + i), 0x1fff + 0x1000 * i))
            tree.endpoint(f"0000:0{3 + i}:00.0", {0: (0x1000 * (1 + i), 256)})
        p, _ = self.plan()
        self.assertEqual([f["share"]["gate"] for f in p["functions"]],
                         ["0000:02:00.0", "0000:02:01.0"])
        self.assertEqual((p["summary"]["windows"], p["summary"]["windows_after"]), (2, 1))

    def test_root_bus(self):
        tree = Tree(self.path())
        tree.ioports("0d00-ffff : PCI Bus 0000:00\n")
        tree.endpoint("0000:00:03.0", {0: (0xc000, 32)})
        tree.endpoint("0000:00:04.0", {0: (0xc020, 32)})
        p, _ = self.plan()
        self.assertEqual([f["share"]["gate"] for f in p["functions"]],
                         ["0000:00:03.0", "0000:00:04.0"])

    def test_nothing(self):
        Tree(self.path())
        self.assertIn("No device has an I/O BAR", self.works("plan", sysfs=self.path()).out)
        self.fails(1, "nothing that could be shared", "plan", "--all", sysfs=self.path())

    def test_no_tree(self):
        self.fails(1, "reading the PCI tree from sysfs", "plan", sysfs=self.path("none"))

    def test_damaged(self):
        tree = big_iron(self.path(), slots=3, fed=3)
        tree.file("bus/pci/devices/0000:01:00.0/resource", "garbage\n0x1 0x\n")
        tree.file("bus/pci/devices/0000:02:00.0/config", b"")
        tree.file("bus/pci/devices/nonsense/config", b"\xff" * 4096)
        tree.file("bus/pci/devices/0000:00:02.2/config", b"\xff" * 256)
        tree.ioports("PCI\n  zz-zz : x\n" + "0d00-ffff : PCI Bus 0000:00\n" * 20 + "  " * 200)
        r = iomul("plan", "--all", sysfs=self.path())
        self.assertIn(r.code, (0, 1), r.err)

    def on_terminal(self, **env):
        """What a terminal of 80 columns is sent."""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
        environ = dict(os.environ, LC_ALL="C.UTF-8", TERM="xterm", IOMUL_SYSFS=self.path(), **env)
        with subprocess.Popen([IOMUL, "plan"], env=environ, stdout=follower,
                              stderr=subprocess.DEVNULL):
            os.close(follower)
            out = b""
            try:
                while chunk := os.read(leader, 65536):
                    out += chunk
            except OSError:
                pass
        os.close(leader)
        return out.decode()

    def test_terminal(self):
        big_iron(self.path())
        out = self.on_terminal(NO_COLOR="1")
        self.assertNotIn("\033", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        self.assertIn("00:03.6", out)
        self.assertIn("\033", self.on_terminal(NO_COLOR=""))

    def test_progress(self):
        """On a terminal, and only there, work that takes its time says what it is, and takes its line away."""
        big_iron(self.path())
        slow = Path(self.path(), "bus/pci/devices/0000:01:00.0/resource")
        text = slow.read_bytes()
        slow.unlink()
        os.mkfifo(slow)

        def feed():
            time.sleep(0.7)
            slow.write_bytes(text)
        environ = dict(os.environ, TERM="xterm", IOMUL_SYSFS=self.path())
        for watched in (True, False):
            leader, follower = pty.openpty()
            threading.Thread(target=feed).start()
            subprocess.run([IOMUL, "plan"], env=environ, stdout=subprocess.PIPE, check=False,
                           stderr=follower if watched else subprocess.PIPE)
            os.write(follower, b"|")
            said = ""
            while not said.endswith("|"):
                said += os.read(leader, 65536).decode()
            os.close(leader)
            os.close(follower)
            if watched:
                self.assertRegex(said, r"^\rReading the PCI tree: 0\.2 s.*\r {79}\r[^\r]*\r\n\|$")
            else:
                self.assertEqual(said, "|")


class Bind(Case):
    """A directory does not bind anything, so what is seen here is how it fails and puts back."""

    def setUp(self):
        super().setUp()
        self.tree = Tree(self.path())
        self.tree.port("0000:00:01.0", 1, (0x1000, 0x1fff))
        self.tree.endpoint("0000:01:00.0", {0: (0x1000, 256)}, driver="megaraid_sas")
        self.tree.endpoint("0000:01:00.1", {0: (0x1100, 256)}, driver="iomul-vfio-pci")

    def override(self, function):
        with open(os.path.join(self.tree.devices, function, "driver_override")) as f:
            return f.read()

    def test_no_such_slot(self):
        self.fails(1, "no such device", "bind", "07:00", sysfs=self.path())
        self.fails(1, "no such device", "unbind", "07:00", sysfs=self.path())

    def test_bridge(self):
        self.fails(1, "is a bridge", "bind", "00:01", sysfs=self.path())

    def test_put_back(self):
        self.fails(1, "0000:01:00.0: binding iomul-vfio-pci", "bind", "01:00", sysfs=self.path())
        self.assertEqual(self.override("0000:01:00.0"), "\n")
        self.assertEqual(self.override("0000:01:00.1"), "(null)\n")

    def test_unbind_of_another_driver(self):
        self.fails(1, "0000:01:00.0: it is not bound to iomul-vfio-pci but to megaraid_sas",
                   "unbind", "01:00", sysfs=self.path())
        self.assertEqual(self.override("0000:01:00.1"), "(null)\n")

    def test_first_slot_untouched(self):
        self.fails(1, "no such device", "bind", "01:00", "07:00", sysfs=self.path())
        self.assertEqual(self.override("0000:01:00.0"), "(null)\n")


def main():
    global IOMUL
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    IOMUL = os.path.abspath(sys.argv[1])
    return run_tests()


if __name__ == "__main__":
    sys.exit(main())
