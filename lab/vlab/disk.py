# SPDX-License-Identifier: GPL-2.0-only
"""Makes boot disks, each with a token that only reading the disk can tell."""

import os
import secrets
import subprocess
import tempfile
from pathlib import Path

from . import BUILD, LabError

SECTOR = 512
SIZE = 1 << 20
TOKEN_LBA = 1024                # as in boot.s: far from what the firmware reads by itself
SOURCE = Path(__file__).with_name("boot.s")


def boot_sector():
    target = BUILD / "boot.bin"
    if target.is_file() and target.stat().st_mtime > SOURCE.stat().st_mtime:
        return target.read_bytes()
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as tmp:
        obj, out = f"{tmp}/boot.o", f"{tmp}/boot.bin"
        subprocess.run(["as", "--32", "-o", obj, SOURCE], check=True)
        subprocess.run(["ld", "-m", "elf_i386", "-Ttext=0x7c00", "--oformat=binary",
                        "-o", out, obj], check=True)
        os.replace(out, target)
    return target.read_bytes()


def read_token(image):
    """The token as the guest would read it; the independent side of the comparison."""
    with open(image, "rb") as f:
        f.seek(TOKEN_LBA * SECTOR)
        return f.read(SECTOR).split(b"\0")[0].decode()


def write_image(image, token):
    code = boot_sector()
    if len(code) != SECTOR:
        raise LabError(f"boot sector has {len(code)} bytes")
    part = image.with_suffix(f".{os.getpid()}")
    with open(part, "wb") as f:
        f.truncate(SIZE)
        f.write(code)
        f.seek(TOKEN_LBA * SECTOR)
        f.write(token.encode())
    part.rename(image)


def make(directory, name):
    """Returns (image, token); an image that is there already keeps its token."""
    image = Path(directory) / f"{name}.img"
    if image.is_file() and image.stat().st_mtime > SOURCE.stat().st_mtime:
        return image, read_token(image)
    image.parent.mkdir(parents=True, exist_ok=True)
    token = f"{name}-{secrets.token_hex(8)}"
    write_image(image, token)
    return image, token
