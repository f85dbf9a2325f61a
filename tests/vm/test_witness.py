#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The witness must see what is wrong: traces made by hand, with and without violations."""

import json
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

LAB = Path(__file__).resolve().parents[2] / "lab"
sys.path.insert(0, str(LAB))
from vlab.witness import Witness  # noqa: E402

PORT, NIC, UP, DOWN = "pcie-root-port", "e1000e", "x3130-upstream", "xio3130-downstream"
WINDOW = (0x1000, 0x1fff)


def w(model, where, offset, value):
    return f"pci_cfg_write {model} {where} @{offset:#x} <- {value:#x}"


def r(model, where, offset, value):
    return f"pci_cfg_read {model} {where} @{offset:#x} -> {value:#x}"


def add(where, first, size=32, bar=2, model=NIC):
    return f"pci_update_mappings_add {model} {where} {bar},{first:#x}+{size:#x}"


def drop(where, first, size=32, bar=2, model=NIC):
    return f"pci_update_mappings_del {model} {where} {bar},{first:#x}+{size:#x}"


def mark(name):
    return [w("virtio-serial-pci", "00:1e.0", 0x3c, b) for b in (0xfe, *name.encode(), 0xfd, 0x0a)]


def bridge(model, where, bus, window=0x1010):
    """A port with bus number `bus` below and a window, shut."""
    parent = int(where[:2], 16)
    return [w(model, where, 0x18, bus << 16 | bus << 8 | parent), w(model, where, 0x1c, window)]


def port(number, window=0x1010, bar=0x1000):
    """Root port 00:NN.0, bus NN, below it a NIC that answers at bar."""
    where, below = f"00:{number:02x}.0", f"{number:02x}:00.0"
    return [*bridge(PORT, where, number, window), w(NIC, below, 4, 7), add(below, bar)]


def gate(number, on, model=PORT, bus=0):
    return w(model, f"{bus:02x}:{number:02x}.0", 4, 6 | on)


def witness(*lines, **options):
    flat = [x for line in lines for x in ([line] if isinstance(line, str) else line)]
    result = Witness(**options)
    result.read(flat)
    return result


class OneLevel(unittest.TestCase):
    def test_close_first_then_open_is_right(self):
        out = witness(port(1), port(2), gate(1, 1), gate(1, 0), gate(2, 1), gate(2, 0), gate(1, 1))
        self.assertEqual(out.violation_count, 0)

    def test_open_before_close_is_seen(self):
        out = witness(port(1), port(2), gate(1, 1), gate(2, 1), gate(1, 0))
        self.assertEqual(out.violation_count, 1)
        violation = out.violations[0]
        self.assertEqual((violation["line"], violation["ports"]), (10, "1000-1fff"))
        self.assertEqual([len(f) for f in violation["functions"]], [1, 1])

    def test_windows_apart_may_both_be_open(self):
        out = witness(port(1), port(2, 0x2020, 0x2000), gate(1, 1), gate(2, 1))
        self.assertEqual(out.violation_count, 0)

    def test_window_moved_over_a_neighbour(self):
        out = witness(port(1), port(2, 0x2020, 0x2000), gate(1, 1), gate(2, 1),
                      w(PORT, "00:02.0", 0x1c, 0x2010))
        self.assertEqual(out.violation_count, 1)

    def test_shut_window_answers_nothing(self):
        out = witness(port(1), port(2, 0x00f0), gate(1, 1), gate(2, 1))
        self.assertEqual(out.violation_count, 0)

    def test_limit_written_alone(self):
        out = witness(port(1), port(2, 0x2020, 0x2000), gate(1, 1), gate(2, 1),
                      w(PORT, "00:01.0", 0x1d, 0x20))
        self.assertEqual(out.violation_count, 1)

    def test_open_ports_without_functions_collide_too(self):
        out = witness(bridge(PORT, "00:01.0", 1), bridge(PORT, "00:02.0", 2), gate(1, 1), gate(2, 1))
        self.assertEqual(out.violation_count, 1)
        self.assertEqual(out.violations[0]["functions"], [[], []])

    def test_endpoint_beside_a_port(self):
        out = witness(port(1), gate(1, 1), add("00:05.0", 0x1800))
        self.assertEqual(out.violation_count, 1)

    def test_memory_mappings_do_not_count(self):
        out = witness(port(1), port(2), gate(1, 1), add("00:05.0", 0x80001000, bar=0),
                      add("00:06.0", 0x80001000, bar=0))
        self.assertEqual(out.violation_count, 0)


class OneBus(unittest.TestCase):
    """Where the function itself is the gate."""

    def test_functions_of_one_bus(self):
        bus = bridge("pcie-pci-bridge", "00:01.0", 1)
        opened = w("pcie-pci-bridge", "00:01.0", 4, 7)
        one = add("01:01.0", 0x1000, model="pci-serial")
        two = add("01:02.0", 0x1000, model="pci-serial")
        gone = drop("01:01.0", 0x1000, model="pci-serial")
        self.assertEqual(witness(bus, opened, one, two).violation_count, 1)
        self.assertEqual(witness(bus, opened, one, gone, two).violation_count, 0)
        # Nobody reaches them while the bridge is shut, until it opens.
        self.assertEqual(witness(bus, one, two).violation_count, 0)
        self.assertEqual(witness(bus, one, two, opened).violation_count, 1)

    def test_outside_the_window_of_the_bridge(self):
        out = witness(bridge("pcie-pci-bridge", "00:01.0", 1), w("pcie-pci-bridge", "00:01.0", 4, 7),
                      add("01:01.0", 0x3000), add("01:02.0", 0x3000))
        self.assertEqual(out.violation_count, 0)

    def test_functions_of_one_slot(self):
        out = witness(bridge(PORT, "00:01.0", 1), gate(1, 1), add("01:00.0", 0x1000), add("01:00.1", 0x1020),
                      add("01:00.2", 0x1010))
        self.assertEqual(out.violation_count, 2)


def switch(root, first_bus, count=2):
    """A switch below root port `root`: upstream on first_bus, ports below it, a NIC each."""
    lines = [*bridge(PORT, f"00:{root:02x}.0", first_bus), *bridge(UP, f"{first_bus:02x}:00.0", first_bus + 1)]
    for i in range(count):
        bus = first_bus + 2 + i
        lines += bridge(DOWN, f"{first_bus + 1:02x}:{i:02x}.0", bus)
        lines += [add(f"{bus:02x}:00.0", 0x1000)]
    return lines


class Tree(unittest.TestCase):
    def way(self, bus, on=1):
        return [gate(1, on), gate(0, on, UP, bus), gate(0, on, DOWN, bus + 1)]

    def test_two_downstream_ports(self):
        out = witness(switch(1, 0x10), self.way(0x10), gate(1, 1, DOWN, 0x11))
        self.assertEqual(out.violation_count, 1)

    def test_below_a_shut_gate_all_may_stay(self):
        both = [gate(0, 1, DOWN, 0x11), gate(1, 1, DOWN, 0x11)]
        quiet = witness(switch(1, 0x10), both, gate(0, 1, UP, 0x10))
        self.assertEqual(quiet.violation_count, 0)
        loud = witness(switch(1, 0x10), both, gate(0, 1, UP, 0x10), gate(1, 1))
        self.assertEqual(loud.violation_count, 1)

    def test_two_switches(self):
        lines = [switch(1, 0x10), switch(2, 0x20), self.way(0x10), gate(0, 1, UP, 0x20), gate(0, 1, DOWN, 0x21)]
        self.assertEqual(witness(*lines).violation_count, 0)
        out = witness(*lines, gate(2, 1))
        self.assertEqual(out.violation_count, 1)
        self.assertTrue(all(out.violations[0]["functions"]))

    def test_renumbering_keeps_state(self):
        out = witness(port(1), gate(1, 1), port(2), w(PORT, "00:01.0", 0x18, 0),
                      w(PORT, "00:01.0", 0x18, 0x070700), gate(2, 1))
        self.assertEqual(out.violation_count, 1)

    def test_roots_share_the_ports(self):
        out = witness(port(1), gate(1, 1), bridge(PORT, "40:01.0", 0x41), add("41:00.0", 0x1000),
                      gate(1, 1, bus=0x40))
        self.assertEqual(out.violation_count, 1)

    def test_further_root_is_no_bridge(self):
        out = witness(w("pxb-pcie", "00:03.0", 4, 0x103), w("pxb-pcie", "00:04.0", 4, 0x103))
        self.assertEqual(out.violation_count, 0)

    def test_bus_reset_shuts_what_is_below(self):
        # After the reset of the switch its ports are shut: opening port 1 is right.
        reset = [w(PORT, "00:01.0", 0x3e, 0x42), w(PORT, "00:01.0", 0x3e, 0x02)]
        again = [*bridge(UP, "10:00.0", 0x11), gate(0, 1, UP, 0x10), *bridge(DOWN, "11:01.0", 0x13),
                 gate(1, 1, DOWN, 0x11)]
        self.assertEqual(witness(switch(1, 0x10), self.way(0x10), reset, again).violation_count, 0)
        self.assertEqual(witness(switch(1, 0x10), self.way(0x10), again).violation_count, 1)

    def test_unplugged_device_answers_no_more(self):
        off = [w(PORT, "00:01.0", 0x6c, 0x6f1), w(PORT, "00:01.0", 0x6c, 0x7f1)]
        both = [*bridge(PORT, "00:01.0", 1), gate(1, 1), add("01:00.0", 0x1000)]
        self.assertEqual(witness(both, off, add("01:00.1", 0x1000)).violation_count, 0)
        self.assertEqual(witness(both, add("01:00.1", 0x1000)).violation_count, 1)

    def test_upper_16_bits(self):
        # Where the bridge decodes 32 bits, the upper half moves the window out of reach.
        lines = [port(1), port(2), w(PORT, "00:02.0", 0x30, 0x00010001), gate(1, 1), gate(2, 1)]
        self.assertEqual(witness(*lines, io32=True).violation_count, 0)
        self.assertEqual(witness(*lines).violation_count, 1)


class Marks(unittest.TestCase):
    lines = [*port(1), *port(2), gate(1, 1), gate(2, 1), gate(2, 0), *mark("a"), gate(1, 0), gate(2, 1), *mark("b"),
             gate(1, 1)]

    def test_only_between(self):
        out = witness(*self.lines, begin="a", end="b")
        self.assertEqual((out.violation_count, out.config_writes, out.command_writes), (0, 2, 2))
        self.assertEqual(witness(*self.lines).violation_count, 2)
        self.assertEqual(witness(*self.lines, begin="b").violation_count, 1)

    def test_what_stands_at_the_first_mark_counts(self):
        out = witness(port(1), port(2), gate(1, 1), gate(2, 1), mark("a"), begin="a")
        self.assertEqual(out.violation_count, 1)

    def test_missing_mark(self):
        self.assertEqual(witness(*self.lines, begin="a", end="z").missing_marks(), ["z"])


class Changes(unittest.TestCase):
    def count(self, *lines):
        out = witness(port(1), port(2), port(3), gate(1, 1), mark("a"), *lines, begin="a", windows=[WINDOW])
        return out.report()

    def test_two_writes_per_change(self):
        out = self.count(gate(1, 0), gate(2, 1), gate(2, 0), gate(3, 1), gate(3, 0), gate(1, 1))
        self.assertEqual((out["changes"], out["writes"], out["owners"]), (3, 6, 3))
        self.assertEqual(out["writes_per_change"], {"min": 2, "max": 2, "mean": 2.0})

    def test_needless_writes_show(self):
        out = self.count(gate(1, 0), gate(3, 0), gate(2, 1), gate(2, 0), gate(3, 1))
        self.assertEqual(out["writes_per_change"], {"min": 2, "max": 3, "mean": 2.5})
        self.assertEqual(out["surplus"], 1)

    def test_a_gate_moved_twice_is_surplus(self):
        out = self.count(gate(1, 0), gate(1, 0), gate(2, 1))
        self.assertEqual((out["changes"], out["surplus"]), (1, 1))

    def test_functions_behind_one_gate_go_together(self):
        def slot(number):
            return [*port(number), w(NIC, f"{number:02x}:00.1", 4, 7), add(f"{number:02x}:00.1", 0x1020)]
        out = witness(slot(1), slot(2), gate(1, 1), mark("a"), gate(1, 0), gate(2, 1), gate(2, 0), gate(1, 1),
                      begin="a", windows=[WINDOW]).report()
        self.assertEqual((out["changes"], out["writes_per_change"], out["reopens"]),
                         (2, {"min": 2, "max": 2, "mean": 2.0}, 0))

    def two_levels(self, *lines):
        """Ports 1 and 2 lead to two downstream ports each, to buses 11, 12, 21 and 22."""
        tree = []
        for port_, down in ((1, 0), (1, 1), (2, 0), (2, 1)):
            bus = 16 * port_ + down + 1
            tree += [*bridge(PORT, f"00:{port_:02x}.0", port_), *bridge(DOWN, f"{port_:02x}:{down:02x}.0", bus),
                     w(NIC, f"{bus:02x}:00.0", 4, 7), add(f"{bus:02x}:00.0", 0x1000)]
        start = [gate(0, 1, DOWN, 1), gate(0, 1, DOWN, 2), gate(1, 1)]
        return witness(tree, start, mark("a"), *lines, begin="a", windows=[WINDOW]).report()

    def test_two_levels_may_have_two_writes_each(self):
        out = self.two_levels(gate(1, 0), gate(0, 0, DOWN, 2), gate(1, 1, DOWN, 2), gate(2, 1))
        self.assertEqual((out["violations"], out["changes"], out["surplus"]), (0, 1, 0))
        self.assertEqual((out["writes_per_change"]["max"], out["levels_per_change"]["max"]), (4, 2))

    def test_a_level_beside_the_way_is_surplus(self):
        out = self.two_levels(gate(1, 0), gate(0, 0, DOWN, 1), gate(2, 1))
        self.assertEqual((out["changes"], out["surplus"]), (1, 1))

    def test_same_owner_again_is_no_change(self):
        out = self.count(gate(1, 0), gate(1, 1), gate(1, 0), gate(2, 1))
        self.assertEqual((out["changes"], out["reopens"]), (1, 1))
        self.assertEqual(out["writes_per_change"]["max"], 2)

    def test_other_windows_do_not_count(self):
        out = self.count(port(4, 0x2020, 0x2000), gate(4, 1), gate(1, 0), gate(2, 1))
        self.assertEqual((out["changes"], out["writes"]), (1, 2))

    def test_function_as_gate(self):
        shut, opened = w(NIC, "00:05.0", 4, 6), w(NIC, "00:05.0", 4, 7)
        lines = [add("00:05.0", 0x3000), mark("a"), shut, drop("00:05.0", 0x3000), w(NIC, "00:06.0", 4, 7),
                 add("00:06.0", 0x3000), w(NIC, "00:06.0", 4, 6), drop("00:06.0", 0x3000), opened,
                 add("00:05.0", 0x3000)]
        out = witness(*lines, begin="a", windows=[(0x3000, 0x3fff)])
        self.assertEqual(out.violation_count, 0)
        self.assertEqual(out.report()["changes"], 2)


class Reads(unittest.TestCase):
    def test_agreeing(self):
        out = witness(port(1), gate(1, 1), r(PORT, "00:01.0", 4, 0x100007), r(PORT, "00:01.0", 0x1c, 0x1010),
                      r(NIC, "01:00.0", 4, 0x7))
        self.assertEqual((out.mismatches, out.config_reads), ([], 3))

    def test_disagreeing(self):
        out = witness(port(1), gate(1, 1), r(PORT, "00:01.0", 4, 0x6), r(PORT, "00:01.0", 0x1c, 0x2010))
        self.assertEqual(len(out.mismatches), 2)


class Program(unittest.TestCase):
    def run_it(self, lines, *args):
        with tempfile.NamedTemporaryFile("w") as trace:
            trace.write("\n".join(lines) + "\n")
            trace.flush()
            done = subprocess.run([LAB / "witness", trace.name, *args], capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    def test_exit_status(self):
        good = [*port(1), *port(2), gate(1, 1)]
        self.assertEqual(self.run_it(good)[0], 0)
        self.assertEqual(self.run_it([*good, gate(2, 1)])[0], 1)
        self.assertEqual(self.run_it(good, "--from", "nowhere")[0], 2)

    def test_garbage_is_passed_over(self):
        code, out = self.run_it(["", "x", "qemu: one two three four", "pci_cfg_write", *port(1), gate(1, 1)])
        self.assertEqual((code, out["lines"]), (0, 9))

    def test_fast_enough(self):
        lines = [x for n in range(1, 25) for x in port(n)]
        lines.append(gate(1, 1))
        now = 1
        for i in range(100_000):
            then = now % 24 + 1
            lines += [gate(now, 0), gate(then, 1)]
            now = then
        begin = time.process_time()
        out = witness(lines, windows=[WINDOW]).report()
        self.assertEqual((out["violations"], out["changes"]), (0, 100_000))
        # A million lines in well under a minute.
        self.assertLess(time.process_time() - begin, 10)


if __name__ == "__main__":
    unittest.main()
