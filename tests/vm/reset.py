#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Resets functions as a guest does through VFIO, again and again, and asks each time whether
the right device answers through its ports.

reset.py flr TIMES FUNCTION...        VFIO_DEVICE_RESET, of each in turn
reset.py hot TIMES FUNCTION...        hot reset of the bus of the first; all that is on it is named
reset.py open TIMES FUNCTION...       opened and closed, which resets too

Functions: e1000e (its MAC, the memory BAR knows it), pci-serial (its scratch register).
They must be bound to iomul-vfio-pci.
"""

import ctypes
import fcntl
import os
import struct
import sys
from pathlib import Path

PCI = Path("/sys/bus/pci/devices")
IO = 0x3b64                             # _IO(';', 100)
SET_IOMMU, SET_CONTAINER, DEVICE_FD, REGION_INFO, RESET, HOT_RESET = IO + 2, IO + 4, IO + 6, IO + 8, IO + 11, IO + 13
TYPE1, CONFIG = 1, 7


class Groups:
    """A container and the groups in it, opened once each."""

    def __init__(self):
        self.container = os.open("/dev/vfio/vfio", os.O_RDWR)
        self.fd = {}

    def device(self, name):
        number = (PCI / name / "iommu_group").resolve().name
        if number not in self.fd:
            fd = os.open(f"/dev/vfio/{number}", os.O_RDWR)
            fcntl.ioctl(fd, SET_CONTAINER, struct.pack("<i", self.container))
            if not self.fd:
                fcntl.ioctl(self.container, SET_IOMMU, TYPE1)
            self.fd[number] = fd
        return fcntl.ioctl(self.fd[number], DEVICE_FD, ctypes.create_string_buffer(name.encode()))


class Function:
    def __init__(self, name, groups, index):
        self.name, self.groups, self.value = name, groups, index * 16 + 5
        self.nic = (PCI / name / "device").read_text().strip() == "0x10d3"
        self.fd = None
        self.open()
        self.mac = self.memory(0x5400) if self.nic else None

    def open(self):
        self.fd = self.groups.device(self.name)
        self.io, self.mem, self.config = (self.region(i) for i in (2 if self.nic else 0, 0, CONFIG))
        self.enable()

    def close(self):
        os.close(self.fd)

    def region(self, index):
        info = bytearray(struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0))
        fcntl.ioctl(self.fd, REGION_INFO, info)
        return struct.unpack("<QQ", info[16:])[1]

    def enable(self):
        os.pwrite(self.fd, struct.pack("<H", 3), self.config + 4)

    def memory(self, register):
        return os.pread(self.fd, 4, self.mem + register)

    def answers(self):
        """Does the right one answer?"""
        if self.nic:
            os.pwrite(self.fd, struct.pack("<I", 0x5400), self.io)
            got = os.pread(self.fd, 4, self.io + 4)
            return got == self.mac
        self.value = self.value & 0xf0 | self.value + 1 & 0x0f
        os.pwrite(self.fd, bytes([self.value]), self.io + 7)
        return os.pread(self.fd, 1, self.io + 7)[0] == self.value


def flr(functions, i):
    f = functions[i % len(functions)]
    fcntl.ioctl(f.fd, RESET)
    f.enable()


def hot(functions, _):
    fds = list(functions[0].groups.fd.values())
    fcntl.ioctl(functions[0].fd, HOT_RESET, bytearray(struct.pack(f"<III{len(fds)}i", 12 + 4 * len(fds), 0, len(fds), *fds)))
    for f in functions:
        f.enable()


def reopen(functions, i):
    f = functions[i % len(functions)]
    f.close()
    f.open()


def main(how, times, *names):
    groups = Groups()
    functions = [Function(n, groups, i) for i, n in enumerate(names)]
    reset = {"flr": flr, "hot": hot, "open": reopen}[how]
    wrong = 0
    for i in range(int(times)):
        for f in functions:
            wrong += not f.answers()
        reset(functions, i)
        for f in functions:
            wrong += not f.answers()
    print(f"{times} times {how}, {len(functions)} functions: {wrong} wrong")
    return bool(wrong)


sys.exit(main(*sys.argv[1:]))
