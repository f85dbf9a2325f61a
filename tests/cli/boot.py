#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""iomul boot without the module: the command line, /etc/iomul.conf, paths, what is said.

usage: boot.py PATH-TO-IOMUL
"""
import os
import subprocess
import sys
import tempfile
import unittest

from fixture import big_iron, run_tests

IOMUL = None


class Boot(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.sys = os.path.join(self.dir.name, "sys")
        self.tree = big_iron(self.sys, slots=6, fed=3, driver="megaraid_sas")
        self.tree.endpoint("0000:01:00.1", {})
        self.bridge("PNP0A08:00", "PNP0A08", "0", "pci0000:00")

    def bridge(self, name, hid, uid, node):
        base = f"bus/acpi/devices/{name}"
        self.tree.file(f"{base}/hid", hid + "\n")
        if uid is not None:
            self.tree.file(f"{base}/uid", uid + "\n")
        os.symlink(f"../../../../devices/{node}", os.path.join(self.sys, base, "physical_node"))

    def path(self, name):
        return os.path.join(self.dir.name, name)

    def boot(self, cmdline="", conf=None, args=("--dry-run",), path=None):
        with open(self.path("cmdline"), "w") as f:
            f.write(f"root=/dev/sda1 ro {cmdline} quiet\n")
        if conf is not None:
            with open(self.path("conf"), "w") as f:
                f.write(conf)
        env = dict(os.environ, LC_ALL="C.UTF-8", IOMUL_SYSFS=self.sys, IOMUL_CMDLINE=self.path("cmdline"),
                   IOMUL_CONF=self.path("conf"), IOMUL_DEVICE="/nonexistent/iomul")
        if path:
            env["PATH"] = path
        r = subprocess.run([IOMUL, "boot", *args], env=env, text=True, capture_output=True,
                           timeout=60, check=False)
        return r.returncode, r.stdout.splitlines(), r.stderr

    def asks(self, lines, cmdline="", conf=None):
        code, out, err = self.boot(cmdline, conf)
        self.assertEqual((code, out), (0, lines), err)
        self.assertEqual(err, "")

    def says(self, message, lines, cmdline="", conf=None):
        code, out, err = self.boot(cmdline, conf)
        self.assertIn(message, err)
        self.assertEqual((code, out), (1, lines), err)

    def test_nothing_asked(self):
        self.asks([])

    def test_share(self):
        self.asks(["0000:04:00.0: share"], "guestiomuldev=04:00")

    def test_share_list(self):
        self.asks(["0000:04:00.0: share", "0000:05:00.0: share"], "guestiomuldev=04:00,0000:05:00")

    def test_share_all(self):
        self.asks(["all: share whatever can"], "guestiomuldev=all")

    def test_module_parameter(self):
        self.asks(["0000:04:00.0: share"], "iomul.guestiomuldev=04:00")

    def test_seize_only(self):
        self.asks(["0000:04:00.0: bind to vfio-pci"], "guestdev=04:00.0")

    def test_seize_and_share(self):
        self.asks(["0000:04:00.0: share, bind to iomul-vfio-pci"], "guestdev=0000:04:00.0+iomul")

    def test_combined(self):
        self.asks(["0000:04:00.0: share, bind to iomul-vfio-pci", "0000:05:00.0: bind to vfio-pci",
                   "0000:06:00.0: share"],
                  "guestdev=04:00.0+iomul,05:00.0 guestiomuldev=06:00")

    def test_both_name_one(self):
        """As in 2009: guestiomuldev= shares, guestdev= beside it seizes."""
        self.asks(["0000:04:00.0: share, bind to iomul-vfio-pci"], "guestdev=04:00.0 guestiomuldev=04:00")

    def test_sharing_is_the_slots(self):
        self.asks(["0000:01:00.1: share, bind to iomul-vfio-pci", "0000:01:00.0: share"],
                  "guestdev=01:00.1 guestiomuldev=01:00")

    def test_all_and_seized(self):
        self.asks(["0000:04:00.0: share, bind to iomul-vfio-pci", "all: share whatever can"],
                  "guestdev=04:00.0 guestiomuldev=all")

    def test_path(self):
        self.asks(["0000:04:00.0: share, bind to iomul-vfio-pci"], "guestdev=PNP0A08:0-2.3-0.0+iomul")

    def test_path_alternatives(self):
        self.asks(["0000:01:00.0: share, bind to iomul-vfio-pci",
                   "0000:01:00.1: share, bind to iomul-vfio-pci"],
                  "guestdev=PNP0A08:0-2.0-(0.0|0.1)+iomul")

    def test_path_without_uid(self):
        self.asks(["0000:04:00.0: bind to vfio-pci"], "guestdev=PNP0A08-2.3-0.0")

    def test_path_ambiguous(self):
        self.bridge("PNP0A08:01", "PNP0A08", "1", "pci0000:00")
        self.says("several ACPI root bridges PNP0A08: add :UID", [], "guestdev=PNP0A08-2.3-0.0")

    def test_path_no_root(self):
        self.says("no ACPI root bridge PNP0A08:7", [], "guestdev=PNP0A08:7-2.3-0.0")

    def test_path_no_bridge(self):
        self.says("no bridge at component 1, 1f.0", ["0000:04:00.0: bind to vfio-pci"],
                  "guestdev=PNP0A08:0-1f.0-0.0,04:00.0")

    def test_path_through_a_device(self):
        self.says("no bridge at component 2, 0.0", [], "guestdev=PNP0A08:0-2.0-0.0-0.0")

    def test_path_no_function(self):
        self.says("no function at 0.7", ["0000:04:00.0: bind to vfio-pci"],
                  "guestdev=PNP0A08:0-2.3-(0.0|0.7)")

    def test_typo(self):
        self.says("guestdev=04:00.0+iomul,5:0.9,06:00.0: character 19: the function number is not one of 0 to 7",
                  ["0000:04:00.0: share, bind to iomul-vfio-pci", "0000:06:00.0: bind to vfio-pci"],
                  "guestdev=04:00.0+iomul,5:0.9,06:00.0")

    def test_gone(self):
        self.says("guestiomuldev: 0000:33:00: no such device", ["0000:04:00.0: share"],
                  "guestiomuldev=33:00,04:00")

    def test_notes(self):
        code, out, err = self.boot("reassign_resources pciback.hide=(04:00.0)")
        self.assertEqual((code, out), (0, []))
        self.assertIn("reassign_resources: not needed", err)
        self.assertIn("guestdev=", err)

    def test_conf(self):
        self.asks(["0000:04:00.0: share, bind to iomul-vfio-pci",
                   "0000:01:00.0: share, bind to iomul-vfio-pci",
                   "0000:01:00.1: share, bind to iomul-vfio-pci"],
                  conf="# comment\nslot = 04:00 # one\n\nslot=PNP0A08:0-2.0-0.0\nwindows = auto\n")

    def test_conf_driver(self):
        self.asks(["0000:04:00.0: share, bind to vfio-pci"], conf="driver = vfio-pci\nslot = 04:00\n")
        self.asks(["0000:04:00.0: share"], conf="driver = none\nslot = 04:00\n")

    def test_conf_wrong(self):
        for line, message in (("slots = 04:00", "'slots' is not known here"),
                              ("slot = 04:zz", "slot = 04:zz, character 4: want a hexadecimal digit"),
                              ("slot", "'slot' is not of the form KEY = VALUE"),
                              ("windows = many", "want a number from 1 to 65535, or auto"),
                              ("reserve = -1", "want a number from 0 to 65535"),
                              ("driver = a/b", "want auto, none, or a driver's name"),
                              ("slot = 44:00", "44:00: no such device")):
            with self.subTest(line):
                self.says(message, ["0000:05:00.0: share, bind to iomul-vfio-pci"],
                          conf=f"{line}\nslot = 05:00\n")

    def test_line_number(self):
        self.says("conf:3: 'x' is not known", [], conf="\n\nx = y\n")

    def test_without_module(self):
        """Seizes, says that nothing is shared, and ends."""
        empty = self.path("bin")
        os.mkdir(empty)
        code, _, err = self.boot("guestiomuldev=04:00 guestdev=05:00.0", args=(), path=empty)
        self.assertEqual(code, 1)
        self.assertIn("nothing is shared: the module iomul is not there", err)
        with open(os.path.join(self.tree.devices, "0000:05:00.0/driver_override")) as f:
            self.assertEqual(f.read(), "vfio-pci\n")
        with open(os.path.join(self.tree.devices, "0000:04:00.0/driver_override")) as f:
            self.assertEqual(f.read(), "(null)\n")

    def test_wrong_option(self):
        code, _, err = self.boot(args=("--erly",))
        self.assertEqual(code, 2)
        self.assertIn("'--erly' is not an option of boot", err)


def main():
    global IOMUL
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    IOMUL = os.path.abspath(sys.argv[1])
    return run_tests()


if __name__ == "__main__":
    sys.exit(main())
