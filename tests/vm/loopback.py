#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sends bytes through a serial port's own loopback and wants them back: the host driver's
accesses, all of them to I/O ports, arrive at the right device, interrupts included.

usage: loopback.py FUNCTION [BYTES]
"""
import fcntl
import os
import select
import struct
import sys
import termios
import tty

TIOCM_LOOP = 0x8000


def main():
    function, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300
    names = os.listdir(f"/sys/bus/pci/devices/{function}/tty")
    fd = os.open("/dev/" + names[0], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(fd)
    attr = termios.tcgetattr(fd)
    attr[2] = attr[2] & ~termios.CRTSCTS | termios.CLOCAL
    attr[4] = attr[5] = termios.B115200
    termios.tcsetattr(fd, termios.TCSANOW, attr)
    fcntl.ioctl(fd, termios.TIOCMBIS, struct.pack("I", TIOCM_LOOP))
    termios.tcflush(fd, termios.TCIOFLUSH)
    sent = os.urandom(count)
    got = b""
    at = 0
    while len(got) < count:
        # No more on the way than the port's FIFO holds.
        if at < count and at - len(got) < 14:
            at += os.write(fd, sent[at:at + 14 - (at - len(got))])
        if not select.select([fd], [], [], 5)[0]:
            print(f"{names[0]}: {len(got)} of {count} bytes came back")
            return 1
        got += os.read(fd, 4096)
    fcntl.ioctl(fd, termios.TIOCMBIC, struct.pack("I", TIOCM_LOOP))
    print(f"{names[0]}: {count} bytes, {'equal' if got == sent else 'DIFFERENT'}")
    return got != sent


sys.exit(main())
