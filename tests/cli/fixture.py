# SPDX-License-Identifier: GPL-2.0-only
"""Builds sysfs trees: what the kernel shows of a PCI tree, as files in a directory."""
import os
import struct
import sys
import unittest

IO = 0x40101
IO_WINDOW = 0x1101


class Tree:
    """A tree below @path that IOMUL_SYSFS can name."""

    def __init__(self, path):
        self.path = path
        self.devices = os.path.join(path, "bus/pci/devices")
        self.drivers = os.path.join(path, "bus/pci/drivers")
        os.makedirs(self.devices)
        os.makedirs(self.drivers)
        self.file("bus/pci/drivers_probe", "")

    def file(self, name, content):
        name = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())

    def driver(self, name):
        for f in ("bind", "unbind"):
            self.file(f"bus/pci/drivers/{name}/{f}", "")

    def ioports(self, text):
        self.file("ioports", text)

    def _function(self, addr, config, ranges, cls, vendor, device, driver):
        base = f"bus/pci/devices/{addr}"
        config[0:2] = struct.pack("<H", vendor)
        config[2:4] = struct.pack("<H", device)
        config[9:12] = struct.pack("<I", cls)[:3]
        self.file(f"{base}/config", bytes(config))
        self.file(f"{base}/resource", "".join("0x%016x 0x%016x 0x%016x\n" % r for r in ranges))
        self.file(f"{base}/class", f"0x{cls:06x}\n")
        self.file(f"{base}/vendor", f"0x{vendor:04x}\n")
        self.file(f"{base}/device", f"0x{device:04x}\n")
        self.file(f"{base}/driver_override", "(null)\n")
        if driver:
            self.driver(driver)
            os.symlink(f"../../drivers/{driver}", os.path.join(self.path, base, "driver"))

    def endpoint(self, addr, bars, cls=0x010400, vendor=0x1000, device=0x0079, driver=None,
                 command=0):
        """@bars: {number: (first, size)}, first None for a starved one."""
        config = bytearray(256)
        ranges = [(0, 0, 0)] * 7
        for k, (first, size) in bars.items():
            at = 0x10 + 4 * k
            config[at:at + 4] = struct.pack("<I", (first or 0) | 1)
            if first is not None:
                ranges[k] = (first, first + size - 1, IO)
        config[4:6] = struct.pack("<H", command)
        self._function(addr, config, ranges, cls, vendor, device, driver)

    def port(self, addr, secondary, window=None, forwards=True, isa=False, subordinate=None,
             io32=False):
        config = bytearray(256)
        ranges = [(0, 0, 0)] * 17
        config[0x0e] = 1
        config[0x18:0x1b] = bytes((int(addr[5:7], 16), secondary, subordinate or secondary))
        if window:
            config[0x1c:0x1e] = bytes((window[0] >> 8 & 0xf0 | io32, window[1] >> 8 & 0xf0 | io32))
            ranges[13] = (window[0], window[1], IO_WINDOW)
        elif forwards:
            config[0x1c:0x1e] = bytes((0xf0 | io32, io32))
        if isa:
            config[0x3e] = 4
        self._function(addr, config, ranges, 0x060400, 0x1b36, 0x000c, "pcieport")


def big_iron(path, slots=24, fed=15, driver=None):
    """Root ports, each with one HBA; @fed of them with ports from 0x1000 on."""
    tree = Tree(path)
    lines = ["0000-0cf7 : PCI Bus 0000:00", "  0070-0071 : rtc0", "0d00-ffff : PCI Bus 0000:00",
             "  0d00-0d7f : ACPI GPE0_BLK"]
    for i in range(slots):
        port = f"0000:00:{2 + i // 8:02x}.{i % 8}"
        function = f"0000:{i + 1:02x}:00.0"
        first = 0x1000 + 0x1000 * i if i < fed else None
        if i >= fed:
            tree.port(port, i + 1)
        else:
            tree.port(port, i + 1, (first, first + 0xfff))
            lines += [f"  {first:04x}-{first + 0xfff:04x} : PCI Bus 0000:{i + 1:02x}",
                      f"    {first:04x}-{first + 0xff:04x} : {function}"]
            if driver:
                lines.append(f"      {first:04x}-{first + 0xff:04x} : {driver}")
        tree.endpoint(function, {2: (first, 256)}, driver=driver)
    tree.ioports("\n".join(lines) + "\n")
    return tree


def run_tests():
    """The main module's tests; counts them, and returns the exit status."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = unittest.TextTestRunner(verbosity=1, stream=sys.stderr).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed")
    return 1 if bad else 0
