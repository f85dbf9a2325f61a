#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The lab itself: statuses come out, complaints are seen, topologies starve as they should.

test_lab.py [-k PATTERN]    boots a virtual server for each test, 10 to 60 s each
"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "lab"
sys.path.insert(0, str(LAB))
from vlab import klog  # noqa: E402


def lab(topology, *args, timeout=240):
    return subprocess.run([LAB / "run", topology, "--timeout", str(timeout), *args],
                          capture_output=True, text=True)


class Complaints(unittest.TestCase):
    def test_lines(self):
        log = (b"[    1.0] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1\n[    1.1] fine\n[    1.2] Call Trace:\n"
               b"[    2.0] BUG: KASAN: slab-out-of-bounds\n[    2.1] Warning: harmless\n")
        self.assertEqual(len(klog.complaints(log)), 3)
        self.assertEqual(len(klog.complaints(log, ["KASAN", "x\\.c"])), 1)


class Statuses(unittest.TestCase):
    def test_output_and_status(self):
        done = lab("tiny", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((done.returncode, done.stdout), (7, "out\n"))
        self.assertIn("err\n", done.stderr)

    def test_kernel_warning(self):
        done = lab("tiny", "--", "sh", "-c", "echo '<4>WARNING: made up' > /dev/kmsg")
        self.assertEqual(done.returncode, 99)
        self.assertIn("made up", done.stderr)

    def test_panic(self):
        self.assertEqual(lab("tiny", "--", "sh", "-c", "echo c > /proc/sysrq-trigger").returncode, 99)

    def test_power_cut(self):
        self.assertEqual(lab("tiny", "--", "qmp", '{"execute": "quit"}').returncode, 98)

    def test_timeout(self):
        self.assertEqual(lab("tiny", "--", "sleep", "100", timeout=8).returncode, 124)

    def test_results(self):
        with tempfile.TemporaryDirectory() as out:
            self.assertEqual(lab("tiny", "--out", out, "--", "sh", "-c", "echo x > /run/lab/out/y").returncode, 0)
            self.assertEqual(Path(out, "y").read_text(), "x\n")

    def test_wrong_usage(self):
        self.assertEqual(lab("nowhere", "--", "true").returncode, 98)
        self.assertEqual(lab("tiny").returncode, 2)


class Topologies(unittest.TestCase):
    """Each comes up and is starved as its file says."""


def add_topology(name):
    def test(self):
        done = lab(name, "--", "ports", "--expect")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
    setattr(Topologies, f"test_{name}", test)


for path in sorted((LAB / "topologies").glob("*.toml")):
    add_topology(path.stem)


class Hotplug(unittest.TestCase):
    SCRIPT = """set -e
        mark begin
        qmp del nic0 > /dev/null
        [ ! -e /sys/bus/pci/devices/0000:01:00.0 ]
        qmp add e1000e id=nic0,bus=port0 > /dev/null
        for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/bus/pci/devices/0000:01:00.0 ] && break; sleep 1; done
        [ -e /sys/bus/pci/devices/0000:01:00.0 ]
        lspci -xxx > /dev/null
        mark end"""

    def test_unplug_plug_and_witness(self):
        with tempfile.TemporaryDirectory() as tmp:
            trace, manifest = f"{tmp}/trace", f"{tmp}/manifest"
            done = lab("tiny", "--trace", trace, "--trace-reads", "--manifest", manifest,
                       "--", "sh", "-c", self.SCRIPT)
            self.assertEqual(done.returncode, 0, done.stderr)
            # What the witness rebuilt is what QEMU read back, over reset, unplug and plug.
            seen = subprocess.run([LAB / "witness", trace, manifest, "--to", "end"], capture_output=True, text=True)
            self.assertEqual(seen.returncode, 0, seen.stdout + seen.stderr)


class Witnessed(unittest.TestCase):
    """Two gates opened together by hand, in a real trace."""
    SCRIPT = """set -e
        for d in 01 02; do
            setpci -s 00:$d.0 COMMAND=6 IO_BASE.w=1010
            setpci -s $d:00.0 18.l=1001 COMMAND=7
        done
        mark begin
        for i in 1 2 3; do
            setpci -s 00:01.0 COMMAND=7; setpci -s 00:01.0 COMMAND=6
            setpci -s 00:02.0 COMMAND=7; setpci -s 00:02.0 COMMAND=6
        done
        mark right
        setpci -s 00:01.0 COMMAND=7; setpci -s 00:02.0 COMMAND=7
        mark wrong"""

    def test_it(self):
        with tempfile.TemporaryDirectory() as tmp:
            trace, manifest = f"{tmp}/trace", f"{tmp}/manifest"
            done = lab("tiny", "--trace", trace, "--manifest", manifest, "--", "sh", "-c", self.SCRIPT)
            self.assertEqual(done.returncode, 0, done.stderr)

            def witness(*args):
                return subprocess.run([LAB / "witness", trace, manifest, *args], capture_output=True).returncode
            self.assertEqual(witness("--from", "begin", "--to", "right"), 0)
            self.assertEqual(witness("--from", "right", "--to", "wrong"), 1)


class Guests(unittest.TestCase):
    """Stock vfio-pci, an HBA that has ports, one that is starved, and wrong tokens."""

    def test_it(self):
        done = lab("bigiron24", "--", "sh", "-c", """
            guests --driver vfio-pci hba0 hba1 || exit 10
            guests --wrong-tokens hba0 hba1 && exit 11
            guests --driver vfio-pci hba0 hba23 && exit 12
            exit 0""")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("2 of 2 guests booted from their own device", done.stdout)
        self.assertIn("0 of 2 guests booted from their own device", done.stdout)
        self.assertIn("1 of 2 guests booted from their own device", done.stdout)


if __name__ == "__main__":
    unittest.main()
