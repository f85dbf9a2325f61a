# SPDX-License-Identifier: GPL-2.0-only
"""What is known of QEMU's device models beyond what sysfs tells."""

BRIDGES = {"pcie-root-port", "ioh3420", "x3130-upstream", "xio3130-downstream", "pcie-pci-bridge",
           "pci-bridge", "i82801b11-bridge", "pxb-pcie", "pxb"}

# Of these, what has no type 1 header: a host bridge of its own.
HOST_BRIDGES = {"pxb-pcie", "pxb"}

# Number and size of I/O BARs: a starved BAR is not to be seen in sysfs.
IO_BARS = {"e1000e": {2: 32}, "igb": {2: 32}, "e1000": {1: 64}, "rtl8139": {0: 256},
           "megasas": {0: 256}, "megasas-gen2": {0: 256}, "mptsas1068": {0: 256},
           "lsi53c895a": {0: 256}, "lsi53c810": {0: 256}, "am53c974": {0: 128},
           "pci-serial": {0: 8}, "pci-serial-2x": {0: 16}, "pci-testdev": {1: 256},
           "AC97": {0: 1024, 1: 256}}

# Where the PCI Express capability of a bridge is.
PCIE_CAP = {"pcie-root-port": 0x54, "ioh3420": 0x90, "x3130-upstream": 0x90,
            "xio3130-downstream": 0x90}

# Whose reset leaves the I/O window shut (base above limit); others come up at 0-fff.
SHUT_AT_RESET = {"pcie-root-port", "ioh3420"}
