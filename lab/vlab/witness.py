# SPDX-License-Identifier: GPL-2.0-only
"""Reads a QEMU trace, has the decoder follow it, and counts."""

from .decode import COMMAND, IO_WINDOW, Decoder, overlap

MARK_BEGIN, MARK_END = 0xfe, 0xfd
MARK_OFFSET = "@0x3c"
KEPT = 50                       # violations that are reported in full


class Owners:
    """Counts the changes of owner of one window.

    Owner is the set of slots of which some function answers within the window.
    Writes that count are those to functions with ranges, or a bridge window, in it:
    what opens and shuts the ways to its sharers.

    A change needs two writes for each level at which the way differs: on each bus of
    the new owner's way at most one gate is shut and one opened. A change is in surplus
    when a gate was written twice, a bus saw a third gate, or lies off the way. (A slot
    that is gated at its functions is one gate, of a write for each.)
    """

    def __init__(self, window):
        self.window = [window]
        self.reachable, self.owner = {}, None
        self.pending, self.writes = [], 0
        self.counts, self.reopens, self.owners = [], 0, set()
        self.levels, self.surplus, self.moved = [], 0, False

    def concerns(self, node):
        if node.bridge:
            window = node.window()
            return bool(window and overlap([window], self.window))
        return bool(overlap(node.last_maps, self.window))

    def write(self, node):
        if self.concerns(node):
            self.pending.append(node)
            self.writes += 1

    def live(self, node):
        slot = (node.parent, node.devfn >> 3)
        functions = self.reachable.setdefault(slot, set())
        if overlap(node.live, self.window):
            functions.add(node)
        else:
            functions.discard(node)
            if not functions:
                del self.reachable[slot]
        self.moved = True

    def settle(self, counting):
        """After a write with all that follows from it: a gate moves many functions."""
        if not self.moved:
            return
        self.moved = False
        if self.reachable:
            self.own(frozenset(self.reachable), counting)

    def own(self, owner, counting):
        if counting:
            if self.owner not in (None, owner):
                self.counts.append(len(self.pending))
                self.judge(owner)
            elif self.owner == owner and self.pending:
                self.reopens += 1
            self.owners.add(owner)
        self.owner, self.pending = owner, []

    def judge(self, owner):
        way, buses = set(), {}
        for above, _ in owner:
            while above is not None:
                way.add(above)
                above = above.parent
        for node in self.pending:
            gate = node if node.bridge else node.devfn >> 3
            buses.setdefault(node.parent, set()).add(gate)
        self.levels.append(len(buses))
        self.surplus += (len(set(self.pending)) < len(self.pending) or not way.issuperset(buses)
                         or max(map(len, buses.values()), default=0) > 2)

    def begin(self):
        self.pending, self.writes = [], 0

    def report(self):
        counts = self.counts
        return {"changes": len(counts), "reopens": self.reopens, "owners": len(self.owners),
                "writes": self.writes, "surplus": self.surplus,
                "levels_per_change": {"min": min(self.levels), "max": max(self.levels)}
                if counts else None,
                "writes_per_change": {"min": min(counts), "max": max(counts),
                                      "mean": sum(counts) / len(counts)} if counts else None}


class Witness:
    def __init__(self, manifest=None, windows=(), begin=None, end=None, io32=False):
        manifest = manifest or {}
        self.names = {(d["root"], *d["path"]): d["id"] for d in manifest.get("devices", [])}
        self.mark_at = "00:" + manifest.get("mark", "1e.0")
        self.lab_slot = self.mark_at[:5]
        self.decoder = Decoder(self.clash, self.live, io32)
        self.windows = {w: Owners(w) for w in windows}
        self.begin, self.end = begin, end
        self.counting, self.finished = begin is None, False
        self.line, self.mark, self.marks = 0, None, []
        self.violations, self.violation_count = [], 0
        self.config_writes = self.command_writes = self.config_reads = 0
        self.reads_traced, self.mismatches = False, []

    # Called by the decoder

    def clash(self, a, b, common):
        if self.counting:
            self.violation_count += 1
            if len(self.violations) < KEPT:
                self.violations.append({"line": self.line, "ports": "{:04x}-{:04x}".format(*common),
                                        "between": [self.name(a), self.name(b)],
                                        "functions": [self.below(a, common), self.below(b, common)]})

    def live(self, node):
        for owners in self.windows.values():
            owners.live(node)

    def name(self, node):
        path = node.path()
        return self.names.get(path) or f"{node.model} {path[0]:02x}:{'/'.join(path[1:])}"

    def below(self, node, ports):
        """Endpoints behind node that would answer: none when only bridges collide."""
        if not node.bridge:
            return [self.name(node)]
        return [n for child in node.shown if overlap(node.shown[child], [ports]) for n in self.below(child, ports)]

    # Lines

    def read(self, lines):
        handlers = {"pci_cfg_write": self.on_write, "pci_update_mappings_add": self.on_map,
                    "pci_update_mappings_del": self.on_unmap, "pci_cfg_read": self.on_read}
        for line in lines:
            self.line += 1
            words = line.split()
            if len(words) < 4:
                continue
            handler = handlers.get(words[0]) or handlers.get(words[0].rpartition(":")[2])
            if handler:
                handler(words)
                for owners in self.windows.values():
                    owners.settle(self.counting)
            if self.finished:
                break

    def on_write(self, words):
        where, offset = words[2], words[3]
        if where == self.mark_at and offset == MARK_OFFSET:
            self.on_mark(int(words[5], 16))
            return
        node = self.decoder.find(where, words[1])
        if self.counting and not where.startswith(self.lab_slot):
            self.config_writes += 1
            self.command_writes += offset == "@0x4"
            for owners in self.windows.values():
                owners.write(node)
        self.decoder.write(node, int(offset[1:], 16), int(words[5], 16))

    def on_map(self, words):
        node = self.decoder.find(words[2], words[1])
        bar, _, place = words[3].partition(",")
        first, _, size = place.partition("+")
        self.decoder.map(node, int(bar), int(first, 16), int(size, 16))

    def on_unmap(self, words):
        node = self.decoder.find(words[2], words[1])
        self.decoder.unmap(node, int(words[3].partition(",")[0]))

    def on_read(self, words):
        """Counts; and what QEMU answers must agree with what was rebuilt."""
        self.reads_traced = True
        where, offset, value = words[2], int(words[3][1:], 16), int(words[5], 16)
        if self.counting and not where.startswith(self.lab_slot):
            self.config_reads += 1
        if offset not in (COMMAND, IO_WINDOW) or value == 0xffffffff:
            return
        node = self.decoder.find(where, words[1])
        if not node.bridge:
            return
        if offset == COMMAND:
            agree = (value ^ node.command) & 1 == 0
        else:
            agree = value & 0xf0 == node.io_base and (value <= 0xff or value >> 8 & 0xf0 == node.io_limit)
        if not agree and len(self.mismatches) < KEPT:
            self.mismatches.append({"line": self.line, "function": self.name(node), "offset": hex(offset)})

    # Marks

    def on_mark(self, value):
        if value == MARK_BEGIN:
            self.mark = ""
        elif self.mark is not None and value == MARK_END:
            mark, self.mark = self.mark, None
            self.marks.append(mark)
            self.reach(mark)
        elif self.mark is not None:
            self.mark += chr(value & 0x7f)

    def reach(self, mark):
        if mark == self.begin and not self.counting:
            self.counting = True
            for owners in self.windows.values():
                owners.begin()
            for a, b, common in self.decoder.standing_clashes():
                self.clash(a, b, common)
        elif mark == self.end and self.counting:
            self.counting, self.finished = False, True

    # Result

    def missing_marks(self):
        return [m for m in (self.begin, self.end) if m is not None and m not in self.marks]

    def report(self):
        out = {"violations": self.violation_count, "config_writes": self.config_writes,
               "command_writes": self.command_writes,
               "config_reads": self.config_reads if self.reads_traced else None,
               "mismatches": len(self.mismatches), "lines": self.line}
        reports = {"{:04x}-{:04x}".format(*w): o.report() for w, o in self.windows.items()}
        if len(reports) == 1:
            out |= next(iter(reports.values()))
        elif reports:
            out["windows"] = reports
        return out | {"violation": self.violations, "mismatch": self.mismatches}
