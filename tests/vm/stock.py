#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""In a virtual server: reads a byte of a BAR as a guest of stock vfio-pci would, and prints "ok" or the errno's name.

stock.py FUNCTION BAR     FUNCTION is bound to vfio-pci
"""

import errno
import os
import struct
import sys

import vfio


class Any(vfio.Device):
    """One that need not share."""

    def __init__(self, name, fd, keep):
        self.name, self.fd, self.keep = name, fd, keep
        config = self.region(vfio.CONFIG)[0]
        os.pwrite(fd, struct.pack("<H", 3), config + 4)


def main(name, bar):
    vfio.Device = Any
    device = vfio.by_group(name)
    try:
        os.pread(device.fd, 1, device.region(int(bar))[0])
        print("ok")
    except OSError as error:
        print(errno.errorcode[error.errno])


main(*sys.argv[1:])
