#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""In a virtual server: both of VFIO's ways to a shared device, its group and its own character device.

vfio.py [SLOT...]     default: all attached e1000e; they must be bound to iomul-vfio-pci

Reads each NIC's MAC through the register pair in its I/O BAR, all of them open at the
same time, in turn; the memory BAR says what it must be. A way that the kernel does not
have is skipped.
"""

import ctypes
import fcntl
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

PCI = Path("/sys/bus/pci/devices")
IO = 0x3b64                             # _IO(';', 100)
SET_IOMMU, GROUP_STATUS, SET_CONTAINER, DEVICE_FD = IO + 2, IO + 3, IO + 4, IO + 6
REGION_INFO, RESET, BIND_IOMMUFD, ATTACH_PT = IO + 8, IO + 11, IO + 18, IO + 19
IOAS_ALLOC = 0x3b81
TYPE1 = 1
IO_BAR, MEM_BAR, CONFIG = 2, 0, 7
RAL, RAH = 0x5400, 0x5404


class Device:
    def __init__(self, name, fd, keep):
        self.name, self.fd, self.keep = name, fd, keep
        offset, size = self.region(IO_BAR)
        if size != 32:
            raise OSError(f"{name}: its I/O BAR has {size} bytes, want 32")
        self.io = offset
        self.config = self.region(CONFIG)[0]
        command = struct.unpack("<H", os.pread(fd, 2, self.config + 4))[0]
        os.pwrite(fd, struct.pack("<H", command | 3), self.config + 4)
        if not os.pread(fd, 1, self.config + 4)[0] & 1:
            raise OSError(f"{name}: the I/O enable that was written does not read back")

    def region(self, index):
        info = bytearray(struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0))
        fcntl.ioctl(self.fd, REGION_INFO, info)
        size, offset = struct.unpack("<QQ", info[16:])
        return offset, size

    def mac_of_ports(self):
        words = []
        for register in (RAL, RAH):
            os.pwrite(self.fd, struct.pack("<I", register), self.io)
            words.append(os.pread(self.fd, 4, self.io + 4))
        return (words[0] + words[1][:2]).hex(":")

    def mac_of_memory(self):
        offset, _ = self.region(MEM_BAR)
        return (os.pread(self.fd, 4, offset + RAL) + os.pread(self.fd, 4, offset + RAH)[:2]).hex(":")


def by_group(name):
    group = (PCI / name / "iommu_group").resolve().name
    container = os.open("/dev/vfio/vfio", os.O_RDWR)
    fd = os.open(f"/dev/vfio/{group}", os.O_RDWR)
    fcntl.ioctl(fd, SET_CONTAINER, struct.pack("<i", container))
    fcntl.ioctl(container, SET_IOMMU, TYPE1)
    text = ctypes.create_string_buffer(name.encode())
    device = fcntl.ioctl(fd, DEVICE_FD, text)
    return Device(name, device, (fd, container))


def by_cdev(name):
    node = next((PCI / name / "vfio-dev").iterdir()).name
    path = f"/dev/vfio/devices/{node}"
    iommu = os.open("/dev/iommu", os.O_RDWR)
    fd = os.open(path, os.O_RDWR)
    fcntl.ioctl(fd, BIND_IOMMUFD, bytearray(struct.pack("<IIiI", 16, 0, iommu, 0)))
    ioas = bytearray(struct.pack("<III", 12, 0, 0))
    fcntl.ioctl(iommu, IOAS_ALLOC, ioas)
    fcntl.ioctl(fd, ATTACH_PT, bytearray(struct.pack("<III", 12, 0, struct.unpack("<III", ioas)[2])))
    return Device(name, fd, (iommu,))


def try_way(way, open_one, names):
    devices = [open_one(n) for n in names]
    want = [d.mac_of_memory() for d in devices]
    wrong = sum(d.mac_of_ports() != w for _ in range(4) for d, w in zip(devices, want))
    fcntl.ioctl(devices[0].fd, RESET)
    os.pwrite(devices[0].fd, struct.pack("<H", 3), devices[0].config + 4)
    wrong += any(d.mac_of_ports() != d.mac_of_memory() for d in devices)
    macs = len(set(want))
    for d in devices:
        for fd in (d.fd, *d.keep):
            os.close(fd)
    ok = not wrong and macs == len(names)
    print(f"{'ok' if ok else 'not ok'}: {way}: {len(names)} devices open at once, {macs} different MACs, {wrong} wrong")
    return ok


def attached():
    status = json.loads(subprocess.run(["iomul", "status", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    slots = [s["slot"] for s in status["slots"]]
    return [f"{s}.0" for s in slots if (PCI / f"{s}.0/device").read_text().strip() == "0x10d3"]


def main(args):
    names = [f"{a if a.count(':') == 2 else '0000:' + a}.0" for a in args] or attached()
    if len(names) < 2:
        sys.exit("vfio.py: want two e1000e that share")
    subprocess.run(["modprobe", "-q", "iommufd"], check=False)
    ok = True
    if Path("/dev/vfio/vfio").exists():
        ok &= try_way("group", by_group, names)
    else:
        print("skipped: group: this kernel has none")
    if (PCI / names[0] / "vfio-dev").is_dir() and Path("/dev/vfio/devices").is_dir():
        ok &= try_way("cdev with iommufd", by_cdev, names)
    else:
        print("skipped: cdev with iommufd: this kernel has none")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
