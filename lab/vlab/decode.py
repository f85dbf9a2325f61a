# SPDX-License-Identifier: GPL-2.0-only
"""Who decodes which I/O port, rebuilt from a QEMU trace one write after another.

A tree of nodes, as the buses are:

    root bus -- bridge (command, window) -- bus -- function (mapped ranges)

What a node answers to, its `live` ranges, is its own window or ranges cut down
to the live range of the bridge above; nothing, when a bridge is shut. Two
siblings with live ranges in common are a violation: an access would reach
either. Two endpoints that decode one port always show up like that, at the bus
where their ways part. Root buses all share the one space of ports, so they
count as one bus.

A write changes one node, so only what hangs below it is looked at again.

The trace has no access width. COMMAND, I/O base/limit and Bridge Control are
taken to be written as words and bus numbers and upper 16 bits as double words,
as Linux does it, unless the offset shows otherwise.
"""

from .models import BRIDGES, HOST_BRIDGES, PCIE_CAP, SHUT_AT_RESET

COMMAND, BUSES, IO_WINDOW, IO_UPPER, BRIDGE_CONTROL = 0x04, 0x18, 0x1c, 0x30, 0x3e
DEVCTL, SLTCTL = 8, 0x18            # from the PCIe capability on
BUS_RESET, FLR = 1 << 6, 1 << 15
POWER_OFF = 0x700                   # Power Controller Control off, Power Indicator off
LAST_PORT = 0xffff


class Node:
    __slots__ = ("parent", "devfn", "root_bus", "model", "bridge", "children", "live", "shown",
                 "command", "io_base", "io_limit", "upper", "control", "slotctl",
                 "secondary", "maps", "last_maps")

    def __init__(self, parent, devfn, model, root_bus=0):
        self.parent, self.devfn, self.model, self.root_bus = parent, devfn, model, root_bus
        self.bridge = model in BRIDGES - HOST_BRIDGES
        self.children, self.live, self.shown = {}, [], {}
        self.secondary, self.slotctl = None, 0
        self.maps, self.last_maps = {}, []
        self.power_on()

    def power_on(self):
        self.command = self.io_limit = self.upper = self.control = 0
        self.io_base = 0xf0 if self.model in SHUT_AT_RESET else 0

    def own_ranges(self):
        """What the node asks for, whether or not it can be reached."""
        if not self.bridge:
            return list(self.maps.values())
        window = self.window()
        return [window] if self.command & 1 and window else []

    def window(self):
        first, last = self.io_base << 8, self.io_limit << 8 | 0xfff
        if self.upper is not None:
            first, last = first | (self.upper & 0xffff) << 16, last | self.upper & 0xffff0000
        return (first, last) if first <= last else None

    def path(self):
        """(root bus, device.function, device.function, ...), as in the manifest."""
        above = self.parent.path() or (self.root_bus,)
        return (*above, f"{self.devfn >> 3:02x}.{self.devfn & 7}")


class Root(Node):
    """Stands for all root buses; passes on every port."""

    def __init__(self):
        super().__init__(None, 0, "root")
        self.live = [(0, LAST_PORT)]

    def path(self):
        return ()


def cut(ranges, limits):
    return [(max(a, c), min(b, d)) for a, b in ranges for c, d in limits if a <= d and c <= b]


def overlap(a, b):
    common = cut(a, b)
    return common[0] if common else None


class Decoder:
    """`on_clash(a, b, range)` is called when two siblings begin to answer the same ports;
    `on_live(function)` when what an endpoint answers to has changed."""

    def __init__(self, on_clash, on_live, io32=False):
        self.root, self.buses, self.nodes = Root(), {}, {}
        self.on_clash, self.on_live, self.io32 = on_clash, on_live, io32
        self.clashes = {}

    # Finding the function that a line of the trace speaks of

    def find(self, text, model):
        """The node at "bb:dd.f"; bus numbers as they are at this point of the trace."""
        node = self.nodes.get(text)
        if node is None:
            bus, device, function = int(text[:2], 16), int(text[3:5], 16), int(text[6:], 16)
            parent = self.buses.get(bus, self.root)
            # Functions of different root buses must not be mixed up.
            key = (device << 3 | function) if parent is not self.root else bus << 8 | device << 3 | function
            node = parent.children.get(key)
            if node is None or node.model != model:
                if node is not None:
                    self.remove(node)
                node = parent.children[key] = Node(parent, key & 0xff, model, key >> 8)
                if not self.io32:
                    node.upper = None
            self.nodes[text] = node
        return node

    def set_secondary(self, bridge, bus):
        self.nodes.clear()
        if self.buses.get(bridge.secondary) is bridge:
            del self.buses[bridge.secondary]
        bridge.secondary = bus
        if bus:
            self.buses[bus] = bridge

    # What a line does

    def write(self, node, offset, value):
        if node.bridge:
            self.write_bridge(node, offset, value)
        elif offset == COMMAND:
            node.command = value & 0xffff

    def write_bridge(self, node, offset, value):
        if offset == COMMAND:
            node.command = value & 0xffff
        elif offset == IO_WINDOW:
            node.io_base, node.io_limit = value & 0xf0, value >> 8 & 0xf0
        elif offset == IO_WINDOW + 1:
            node.io_limit = value & 0xf0
        elif offset == IO_UPPER:
            if self.io32:
                node.upper = value
        elif offset in (BUSES, BUSES + 1):
            self.set_secondary(node, (value >> (8 if offset == BUSES else 0)) & 0xff)
            return
        elif offset in (BRIDGE_CONTROL, BRIDGE_CONTROL - 2):
            self.write_control(node, value >> 16 if offset == BRIDGE_CONTROL - 2 else value)
            return
        else:
            self.write_capability(node, offset, value)
            return
        self.update(node)

    def write_control(self, node, value):
        if value & ~node.control & BUS_RESET:
            for child in list(node.children.values()):
                self.reset(child)
        node.control = value

    def write_capability(self, node, offset, value):
        cap = PCIE_CAP.get(node.model)
        if cap is None:
            return
        if offset == cap + DEVCTL and value & FLR:
            self.reset(node)            # QEMU resets what is below with it
        elif offset == cap + SLTCTL:
            # This is when QEMU lets go of an unplugged device.
            if value & POWER_OFF == POWER_OFF != node.slotctl & POWER_OFF:
                for child in list(node.children.values()):
                    self.remove(child)
            node.slotctl = value

    def map(self, node, bar, first, size):
        if first + size - 1 <= LAST_PORT:
            node.maps[bar] = (first, first + size - 1)
            node.last_maps = list(node.maps.values())
            self.update(node)

    def unmap(self, node, bar):
        if node.maps.pop(bar, None):
            self.update(node)

    def reset_one(self, node):
        upper = node.upper
        node.power_on()
        node.upper = None if upper is None else 0
        if node.bridge:
            self.update(node)

    def reset(self, node):
        """A bus reset; what endpoints lose thereby, the trace says by itself."""
        self.reset_one(node)
        for child in list(node.children.values()):
            self.reset(child)

    def remove(self, node):
        for child in list(node.children.values()):
            self.remove(child)
        node.maps, node.command = {}, 0
        self.update(node)
        if self.buses.get(node.secondary) is node:
            del self.buses[node.secondary]
        siblings = node.parent.children
        for key in [k for k, n in siblings.items() if n is node]:
            del siblings[key]
        self.nodes.clear()

    # What follows from it

    def update(self, node):
        above = node.parent.live
        live = cut(node.own_ranges(), above) if above else []
        if live == node.live:
            return
        node.live = live
        self.forget_clashes(node)
        if live:
            node.parent.shown[node] = live
        else:
            node.parent.shown.pop(node, None)
        for child in list(node.children.values()):
            self.update(child)
        if not node.bridge:
            self.on_live(node)
        if live:
            self.find_clashes(node)

    def find_clashes(self, node):
        for other, ranges in node.parent.shown.items():
            if other is not node and (common := overlap(node.live, ranges)):
                self.clashes.setdefault(node, {})[other] = common
                self.clashes.setdefault(other, {})[node] = common
                self.on_clash(node, other, common)

    def forget_clashes(self, node):
        for other in self.clashes.pop(node, ()):
            self.clashes[other].pop(node)
            if not self.clashes[other]:
                del self.clashes[other]

    def standing_clashes(self):
        seen = set()
        for node, others in self.clashes.items():
            seen.add(node)
            yield from ((node, o, r) for o, r in others.items() if o not in seen)
