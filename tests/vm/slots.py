#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Prints the slots with an I/O BAR that no driver is bound to, one a line."""

import os
import re

PCI = "/sys/bus/pci/devices"


def io_bars(name):
    """Whether config space has an I/O BAR: starved ones are in no resource."""
    with open(f"{PCI}/{name}/config", "rb") as file:
        config = file.read(64)
    if config[14] & 0x7f:
        return False
    index = 0
    while index < 6:
        value = int.from_bytes(config[16 + 4 * index:20 + 4 * index], "little")
        if value & 1:
            return True
        index += 2 if value & 6 == 4 else 1
    return False


def main():
    found = set()
    for name in sorted(os.listdir(PCI)):
        if io_bars(name) and not os.path.exists(f"{PCI}/{name}/driver") and not re.search(r":00:1[ef]\.", name):
            found.add(name.rpartition(".")[0])
    print("\n".join(sorted(found)))


if __name__ == "__main__":
    main()
