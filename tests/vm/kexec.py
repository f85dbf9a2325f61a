#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Starts a kernel by kexec, as kexec-tools do: kexec.py IMAGE INITRAMFS COMMAND-LINE."""
import ctypes
import os
import sys

KEXEC_FILE_LOAD = 320                   # x86-64
REBOOT, MAGIC1, MAGIC2, CMD_KEXEC = 169, 0xfee1dead, 0x28121969, 0x45584543

libc = ctypes.CDLL(None, use_errno=True)
image, initramfs = (os.open(path, os.O_RDONLY) for path in sys.argv[1:3])
line = sys.argv[3].encode()
if libc.syscall(KEXEC_FILE_LOAD, image, initramfs, ctypes.c_long(len(line) + 1), line, ctypes.c_long(0)):
    sys.exit(f"kexec_file_load: {os.strerror(ctypes.get_errno())}")
os.sync()
libc.syscall(REBOOT, ctypes.c_uint(MAGIC1), ctypes.c_uint(MAGIC2), ctypes.c_uint(CMD_KEXEC), None)
sys.exit(f"reboot: {os.strerror(ctypes.get_errno())}")
