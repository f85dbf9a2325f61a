# SPDX-License-Identifier: GPL-2.0-only
"""In the virtual server: where the devices of the manifest are in sysfs, and what ports they have."""

import json
from dataclasses import dataclass
from pathlib import Path

SYSFS = Path("/sys")
MANIFEST = Path("/run/lab/manifest.json")
IORESOURCE_IO = 0x100
BAR_COUNT, BRIDGE_IO_RESOURCE = 6, 13


def load(path=MANIFEST):
    return json.loads(Path(path).read_text())


def directory(device, sysfs=SYSFS):
    """The sysfs directory at the end of the device's path, or None if it is not there.

    The path is one of device numbers, which the lab chose; bus numbers are the kernel's.
    """
    here = sysfs / "devices" / f"pci0000:{device['root']:02x}"
    for step in device["path"]:
        found = [d for d in here.glob(f"????:??:{step}") if d.is_dir()]
        if len(found) != 1:
            return None
        here = found[0]
    return here


def bdf(device, sysfs=SYSFS):
    found = directory(device, sysfs)
    return found.name if found else None


@dataclass
class Range:
    first: int
    last: int

    def __str__(self):
        return f"{self.first:04x}-{self.last:04x}"


def resources(path):
    """[(first, last, flags)] as the kernel has them."""
    lines = (path / "resource").read_text().splitlines()
    return [tuple(int(x, 16) for x in line.split()) for line in lines]


def io_range(entry):
    first, last, flags = entry
    return Range(first, last) if flags & IORESOURCE_IO and last else None


def bars(path):
    """The I/O BARs that have ports: {number: Range}."""
    ranges = {n: io_range(e) for n, e in enumerate(resources(path)[:BAR_COUNT])}
    return {n: r for n, r in ranges.items() if r}


def window(path):
    """The I/O window of a bridge, as the kernel has it."""
    entries = resources(path)
    return io_range(entries[BRIDGE_IO_RESOURCE]) if len(entries) > BRIDGE_IO_RESOURCE else None


def config_window(path):
    """The I/O window in a bridge's config space, None when shut."""
    config = (path / "config").read_bytes()
    base, limit = config[0x1c], config[0x1d]
    first, last = (base & 0xf0) << 8, (limit & 0xf0) << 8 | 0xfff
    return Range(first, last) if first <= last else None
