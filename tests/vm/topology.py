#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every topology of the lab, end to end: shares its slots, asks who answers, puts all back.

usage: tests/vm/topology.py [--accesses N] [--seconds N] [--keep DIR] CASE...|all    (on the host)
       tests/vm/topology.py --list

Each case is a virtual server of its own. In it: attach, accesses by parallel
processes that know what they must read, detach. Outside it, the witness replays
QEMU's trace: never two decoders, and for a change of owner no more config writes
than two for each level at which the way differs. What was selected must be as
before afterwards, byte for byte, and what was not selected at all times.
Last line: N passed, N failed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "lab"), str(TOP / "lab" / "guest")]
import labtree  # noqa: E402
from vlab import models  # noqa: E402
from vlab.witness import Witness  # noqa: E402

PCI = Path("/sys/bus/pci/devices")
OUT = Path("/run/lab/out")
IDENTITY = TOP / "build/vm/identity"
IOMUL = TOP / "build/iomul"


@dataclass
class Case:
    topology: str
    windows: str = "1"
    models: tuple = ()              # what is selected; default: all with an I/O BAR
    leave: tuple = ()               # ids of the topology that are not
    options: tuple = ()             # of attach
    groups: int = 1                 # that there are then
    levels: int = 1                 # gates on the longest path
    most: int = 2                   # config writes for the dearest change of owner
    window: int = 0x1000            # bytes of each group's
    accesses: int = 5000
    processes: int = 3
    timeout: int = 900
    smp: int = 0
    suite: str = ""                 # whose QEMU, if not this machine's
    qemu: tuple = ()                # more arguments
    append: str = ""                # and for the kernel
    pairs: tuple = ()               # two writes a change, however far apart: lower buses stay as they are
    one_slot: str = ""              # functions of this one's slot need no switching
    bystander: tuple = ()           # ids whose ports the host uses meanwhile
    before: tuple = ()              # commands, {id} is the function
    early: tuple = ()               # names of further checks, before attach
    extra: tuple = ()               # and after the accesses
    loads: tuple = ()               # slots of each group, sorted
    says: tuple = ()                # what the plan must say


def nvme(properties):
    """An NVMe controller as function 0 of the first slot; SR-IOV (with ARI) wants a subsystem."""
    return ("-device", "nvme-subsys,id=subsystem", "-device",
            f"nvme,serial=1,subsys=subsystem,bus=port0,addr=0.0,multifunction=on,{properties}")


CASES = {
    "switch8": Case("switch8", levels=3, pairs=(("nic0", "nic1"), ("nic0", "nic7"))),
    "switch2": Case("switch2", levels=3, most=4, pairs=(("nic0", "nic7"), ("nic0", "nic8"))),
    "cascade": Case("cascade", levels=5, most=6,
                    pairs=(("nic0", "nic1"), ("nic2", "nic3"), ("nic2", "nic6"), ("nic2", "nic12"))),
    "multifunction": Case("multifunction", one_slot="nic0"),
    "conventional": Case("conventional", levels=2, most=4, leave=("serial4",), bystander=("serial4",),
                         # Its hotplug driver makes the bus's IOMMU group one that no user may have.
                         before=("echo {bridge0} > /sys/bus/pci/devices/{bridge0}/driver/unbind",),
                         smp=1, extra=("guest_view",)),
    "roots": Case("roots", groups=3),
    "mixed": Case("mixed", models=("megasas-gen2",), groups=2,
                  bystander=tuple(f"nic{n}" for n in range(7))),
    "shared-bus": Case("shared-bus", models=("megasas-gen2", "lsi53c895a"), groups=2,
                       bystander=("nic0", "nic1", "serial0", "serial1", "serial2")),
    # nic0 to nic3 and serial0, nic5 to nic7 are behind a switch each; nic4 lends what adjoins the second.
    "adjoin": Case("adjoin", leave=("nic0", "serial0", "nic8"), groups=3, bystander=("nic0", "serial0", "nic8"),
                   early=("nothing_adjoins",), extra=("wide_out_of_reach", "lender_last"),
                   says=("has no room left in it, and is widened to 4000-5fff", "widened to 2000-3fff")),
    "large": Case("large", window=0x3000),
    "limits": Case("limits", leave=("nic0", "dev0"), before=("setpci -s {port1} 3e.w=4:4", "setpci -s {port2} 3e.w=4:4"),
                   early=("no_forward", "isa_enable"), extra=("isa_places",)),
    "vfs": Case("vfs", qemu=nvme("sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2"),
                append="pci=noari", early=("vfs_on",)),
    "ari": Case("ari", qemu=nvme("sriov_max_vfs=1,sriov_vq_flexible=2,sriov_vi_flexible=1"), extra=("ari_slot",)),
    "windows2": Case("switch2", windows="2", groups=2, levels=3, most=4, loads=(10, 10), pairs=(("nic0", "nic1"),),
                     says=("2 windows for 6 branches: --windows asks for no more", "d000-dfff: 10 slots")),
    "windows-auto": Case("switch2", windows="auto", groups=6, levels=3, most=2, loads=(1, 1, 1, 1, 8, 8),
                         says=("6 windows for 6 branches: one for each",)),
    "reserve": Case("switch2", windows="auto", options=("--reserve", "2"), groups=6, levels=3, most=2,
                    says=("6 windows for 6 branches",), extra=("reserve_free",)),
    # A window that is open in the hardware and that Linux knows nothing of, as firmware leaves them.
    "stray": Case("tiny", leave=("nic2",), before=("setpci -s {port2} 1c.w=5040",), extra=("stray_avoided",)),
    # A BAR that decodes and that Linux gave no ports, where the window would have been.
    "stray-bar": Case("switch2", leave=("nic15",), levels=3, most=4,
                      before=("setpci -s {nic15} BASE_ADDRESS_2=d001 COMMAND=1",), extra=("stray_bar_avoided",)),
    "lender": Case("mixed", levels=3, most=4, extra=("inner_lender",)),
    "igb": Case("igb", suite="trixie", smp=1, early=("igb_vfs_on",)),
    "scale": Case("scale", levels=3, most=4, accesses=4000, timeout=1800,
                  pairs=(("nic0", "nic8"), ("nic64", "nic128")), extra=("same_cost",)),
}


#
# In the server
#

class Checks:
    def __init__(self):
        self.passed, self.failed = 0, []

    def __call__(self, ok, what):
        if ok:
            self.passed += 1
        else:
            self.failed.append(what)
        print(f"{'ok' if ok else 'not ok'}: {what}", flush=True)
        return ok


def sh(*command, check=True):
    out = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and out.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {out.returncode}\n{out.stdout}")
    return out.stdout


def size_of(window):
    first, last = (int(x, 16) for x in window.split("-"))
    return last - first + 1


def slot_of(function):
    return function.rpartition(".")[0]


class Inside:
    def __init__(self, case, accesses):
        self.case, self.check = case, Checks()
        self.accesses = accesses or case.accesses
        self.manifest = labtree.load()
        for d in self.manifest["devices"]:
            if "later" in d:
                self.plug(d)
        self.ids = {d["id"]: labtree.bdf(d) for d in self.manifest["devices"]}
        self.result = {"phases": []}

    @staticmethod
    def plug(device):
        """As a person does who has no hotplug driver: the slot's power on, rescan."""
        port = labtree.directory(device | {"path": device["path"][:-1]})
        sh("qmp", "add", *device["later"])
        sh("setpci", "-s", port.name, "CAP_EXP+18.w=0100:0700")
        (port / "rescan").write_text("1")

    def selected(self):
        case = self.case
        for d in self.manifest["devices"]:
            if models.IO_BARS.get(d["model"]) and d["id"] not in case.leave \
                    and (not case.models or d["model"] in case.models):
                yield self.ids[d["id"]]

    def functions(self):
        """Those of the selected slots that have an I/O BAR."""
        return [self.ids[d["id"]] for d in self.manifest["devices"]
                if models.IO_BARS.get(d["model"]) and slot_of(self.ids[d["id"]]) in self.slots]

    def others(self):
        """Neither one of these nor a port above one."""
        above = {p for f in self.functions() for p in os.path.realpath(PCI / f).split("/")}
        return [f for f in sorted(os.listdir(PCI)) if f not in above]

    @staticmethod
    def state(functions=None):
        """Everything that must be put back."""
        found = {}
        for f in functions if functions is not None else sorted(os.listdir(PCI)):
            found[f"{f} config"] = (PCI / f / "config").read_bytes().hex(" ", 4)
            found[f"{f} resource"] = (PCI / f / "resource").read_text()
        if functions is None:
            found["ioports"] = Path("/proc/ioports").read_text()
        return found

    def same(self, before, now, what):
        differ = [k for k in before if before[k] != now.get(k)] + [k for k in now if k not in before]
        self.check(not differ, what + (f": {', '.join(differ[:5])}" if differ else ""))
        for k in differ[:3]:
            a, b = before.get(k, "").split(), now.get(k, "").split()
            print("   ", k, [(n, x, y) for n, (x, y) in enumerate(zip(a, b)) if x != y][:6])

    def status(self):
        return json.loads(sh(IOMUL, "status", "--json"))

    def phase(self, name, slots, accesses, processes=None, times=4):
        """Accesses between two marks, for the witness to judge. One process goes round all of them."""
        # Everything enabled, every BAR known to the witness, the way to these slots open.
        few = sum(f in slots or slot_of(f) in slots for f in self.functions())
        sh(IDENTITY, "-n", str(10 * few), "-p", "1", "-b", "1", *slots)
        before = self.status()["groups"]
        sh("mark", f"{name}-from")
        out = subprocess.run([IDENTITY, "-n", str(accesses), "-p", str(processes or self.case.processes),
                              "-b", str(times), *slots], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        sh("mark", f"{name}-to")
        after = self.status()["groups"]
        print(out.stdout, end="")
        self.check(out.returncode == 0, f"{name}: the right device answered every time")
        counters = [{k: a[k] - b[k] for k in ("switches", "config_writes")} for a, b in zip(after, before)]
        done = re.search(r"(\d+) accesses.* to (\d+) devices in ([\d.]+) s: (\d+) misrouted", out.stdout)
        self.result["phases"].append({"name": name, "counters": counters,
                                      "windows": [g["window"] for g in after],
                                      "accesses": int(done[1]) if done else 0,
                                      "seconds": float(done[3]) if done else 0,
                                      "devices": int(done[2]) if done else 0,
                                      "misrouted": int(done[4]) if done else -1})

    def loads_start(self):
        """The host uses ports of what was not selected for as long as we do ours."""
        self.loads = []
        for ident in self.case.bystander:
            f = self.ids[ident]
            tty = sorted((PCI / f / "tty").glob("tty*")) if (PCI / f / "tty").is_dir() else []
            command = [sys.executable, __file__, "--load-tty", f"/dev/{tty[0].name}"] if tty else \
                [IDENTITY, "-H", "-t", "100000", "-p", "1", f]
            self.loads.append((ident, f, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                                          text=True)))

    def loads_end(self):
        for ident, f, child in self.loads:
            still = child.poll() is None
            child.terminate()
            out = child.communicate()[0]
            self.check(still and not re.search("must|Error", out), f"{ident} ({f}), used by the host, noticed nothing")
            if out.strip():
                print("   ", out.strip()[-400:])

    def prepare(self):
        sh(TOP / "lab/scripts/load")
        for command in self.case.before:
            sh("sh", "-c", command.format(**{k: v for k, v in self.ids.items()}))
        chosen = list(self.selected())
        self.slots = sorted({slot_of(f) for f in chosen})
        for f in self.functions():
            if (PCI / f / "driver").exists():
                (PCI / f / "driver" / "unbind").write_text(f)
        self.enable()

    def enable(self):
        """What the test program does to a function before it asks it."""
        for f in self.functions() + [self.ids[i] for i in self.case.bystander]:
            if not (PCI / f / "driver").exists():
                (PCI / f / "enable").write_text("1")
                (PCI / f / "enable").write_text("0")

    def attach(self):
        case = self.case
        how = [*self.slots, "--windows", case.windows, *case.options]
        plan = sh(IOMUL, "plan", *how)
        for text in case.says:
            self.check(re.search(text, plan), f"the plan says /{text}/")
        if case.says or case.groups > 1:
            print(plan)
        sh("mark", "attach")
        start = time.monotonic()
        sh(IOMUL, "attach", *how)
        print(f"attached {len(self.slots)} slots in {time.monotonic() - start:.2f} s")
        status = self.status()
        groups = status["groups"]
        self.result["groups"] = groups
        self.check(all(g["window"]["last"] - g["window"]["first"] + 1 == case.window if isinstance(g["window"], dict)
                       else size_of(g["window"]) == case.window for g in groups) or case.topology == "shared-bus",
                   f"windows of {case.window:#x}: {[g['window'] for g in groups]}")
        self.check(len(groups) == case.groups, f"{case.groups} groups (are {len(groups)})")
        self.check(sorted(s["slot"] for s in status["slots"]) == self.slots, f"{len(self.slots)} slots share")
        self.check(all(b["at"] for s in status["slots"] for b in s["bars"]), "all of their I/O BARs have ports")
        self.check(max(g["levels"] for g in groups) == case.levels,
                   f"{case.levels} levels of gates (are {[g['levels'] for g in groups]})")
        if case.loads:
            loads = sorted(g["slots"] for g in groups)
            self.check(loads == sorted(case.loads), f"slots of the groups are {case.loads} (are {loads})")

    # Further checks

    def refused(self, ident, *texts):
        out = subprocess.run([IOMUL, "attach", slot_of(self.ids[ident])], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        print("   ", out.stdout.strip())
        self.check(out.returncode == 1 and all(t in out.stdout for t in texts),
                   f"{ident} is refused, and the reason names {texts}")

    def no_forward(self):
        """Linux gives this port a window, but its I/O Space Enable stays 0."""
        before = self.state()
        self.refused("nic0", self.ids["port0"], "did not take a write")
        self.same(before, self.state(), "a failed attach leaves no trace")

    def isa_enable(self):
        self.refused("dev0", self.ids["port2"][5:], "ISA")

    def isa_places(self):
        slot = slot_of(self.ids["nic1"])
        places = [b["at"] for s in self.status()["slots"] if s["slot"] == slot for b in s["bars"]]
        self.check(len(places) == 8 and all(p["first"] & 0x300 == 0 for p in places),
                   f"behind a port with ISA Enable, in the first 256 of 1024: {places}")

    def nothing_adjoins(self):
        before = self.state()
        self.refused("nic5", self.ids["up1"], slot_of(self.ids["serial0"]))
        self.same(before, self.state(), "a refused attach leaves no trace")

    def wide_out_of_reach(self):
        """A widened port that answers nothing for a while is not taken to be as wide as that."""
        mixed = [self.ids[i] for i in ("port2", "up1")]
        wide = self.state(mixed)
        numbers = sh("setpci", "-s", mixed[0], "18.l").strip()
        sh("setpci", "-s", mixed[0], "18.l=00000000")
        subprocess.run([TOP / "build/debug/try", "repair"], stdout=subprocess.DEVNULL)
        sh("setpci", "-s", mixed[0], f"18.l={numbers}")
        subprocess.run([TOP / "build/debug/try", "repair"], stdout=subprocess.DEVNULL)
        sh(IOMUL, "status", "--verify")
        self.same(wide, self.state(mixed), "a port that could not be reached for a while is as wide as before")

    def lender_last(self):
        """Who lends to a widened port goes after those below it; then its ports are as before."""
        slot, mixed = slot_of(self.ids["nic4"]), [self.ids[i] for i in ("port2", "up1")]
        wide = self.state(mixed)
        out = subprocess.run([IOMUL, "detach", slot], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print("   ", out.stdout.strip())
        self.check(out.returncode == 1 and "3000-3fff" in out.stdout, "the lender is refused as long as it is needed")
        sh(IOMUL, "detach", slot_of(self.ids["nic5"]))
        self.same(wide, self.state(mixed), "a port stays widened for those who stay")
        sh(IOMUL, "detach", *(slot_of(self.ids[i]) for i in ("nic6", "nic7")))
        self.same({k: v for k, v in self.before.items() if k.split()[0] in mixed}, self.state(mixed),
                  "it is as before when they are gone")
        sh(IOMUL, "detach", slot)

    def vfs_on(self):
        nvme = slot_of(self.ids["nic0"]) + ".0"
        sh("modprobe", "nvme")
        for _ in range(50):
            if (PCI / nvme / "driver").exists():
                break
            time.sleep(0.2)
        (PCI / nvme / "sriov_drivers_autoprobe").write_text("0")
        (PCI / nvme / "sriov_numvfs").write_text("2")
        self.check((PCI / nvme / "virtfn1").exists(), "two virtual functions are on")
        print("   ", sh("lspci", "-s", slot_of(self.ids["nic0"])).strip().replace("\n", "; "))

    def ari_slot(self):
        control = int(sh("setpci", "-s", self.ids["port0"], "CAP_EXP+28.w"), 16)
        self.check(control & 0x20, "ARI forwarding is on at the port of a slot that shares")

    def stray_avoided(self):
        window = self.status()["groups"][0]["window"]
        self.check(window["first"] > 0x5fff or window["last"] < 0x4000,
                   f"a window where no port is open: {window}")
        held = subprocess.run([IOMUL, "plan", "--json"], stdout=subprocess.PIPE, text=True).stdout
        self.check(f"window of {self.ids['port2']}" in held, "the plan names whose window it is")

    def stray_bar_avoided(self):
        window = self.status()["groups"][0]["window"]
        self.check(window["first"] > 0xd01f, f"a window where nothing decodes: {window}")
        plan = subprocess.run([IOMUL, "plan", "--json"], stdout=subprocess.PIPE, text=True).stdout
        self.check(f"BAR of {self.ids['nic15']}" in plan, "the plan names whose BAR it is")

    def inner_lender(self):
        """No port is free: what a slot in a switch had carries all, and the switch stays."""
        window = self.status()["groups"][0]["window"]
        lender = next(s for s in self.slots if f"0x{window['first']:016x} " in
                      self.before[os.path.realpath(PCI / f"{s}.0").split("/")[-2] + " resource"])
        out = subprocess.run([IOMUL, "detach", lender], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print("   ", out.stdout.strip())
        self.check(out.returncode == 1 and "carries the window" in out.stdout,
                   f"{lender}, whose port had {window['first']:04x}, is refused as long as others stay")
        self.phase("refused", self.slots, self.accesses // 4, 1, 1)
        for slot in self.slots:
            if slot != lender:
                sh(IOMUL, "detach", slot)

    def igb_vfs_on(self):
        """By vfio-pci, which leaves the registers alone that tell who answered."""
        sh("modprobe", "vfio-pci")
        Path("/sys/module/vfio_pci/parameters/enable_sriov").write_text("Y")
        for f in (self.ids["nic0"], self.ids["nic1"]):
            (PCI / f / "driver_override").write_text("vfio-pci")
            Path("/sys/bus/pci/drivers_probe").write_text(f)
            (PCI / f / "power/control").write_text("on")    # it would sleep when nobody has it open
            (PCI / f / "sriov_drivers_autoprobe").write_text("0")
            (PCI / f / "sriov_numvfs").write_text("2")
            sh("setpci", "-s", f, "COMMAND=3:3")
            self.check((PCI / f / "virtfn1").exists(), f"{f} has two virtual functions")
        print("   ", sh("lspci").strip().replace("\n", "; "))

    def same_cost(self):
        """A change of owner costs no more among many than between the two alone."""
        for n, (a, b) in enumerate(self.case.pairs):
            many = next(p for p in self.result["phases"] if p["name"] == f"pair{n}")
            sh(IOMUL, "detach", "--all")
            sh(IOMUL, "attach", "--windows", self.case.windows, slot_of(self.ids[a]), slot_of(self.ids[b]))
            self.phase(f"pair{n}-alone", [self.ids[a], self.ids[b]], self.accesses // 4, 1, 1)
            writes, took = zip(*((p["counters"][0]["config_writes"] / p["counters"][0]["switches"],
                                  p["seconds"] / p["counters"][0]["switches"] * 1e6)
                                 for p in (many, self.result["phases"][-1])))
            print(f"    {a} and {b}, a change of owner among {len(self.functions())} functions: {writes[0]:.1f} writes,"
                  f" {took[0]:.0f} us; alone: {writes[1]:.1f} writes, {took[1]:.0f} us")
            self.check(writes[0] == writes[1], f"{a} and {b}: as many writes a change among many as alone")

    def guest_view(self):
        """VFIO users of functions that are gates: two on the root bus, and all of a bridge's bus."""
        bus = [f for f in self.functions() if slot_of(f).split(":")[1] == self.ids["serial0"].split(":")[1]]
        runs = [[self.ids[i] for i in ("serial5", "serial6", "nic0")], bus]
        users = runs[0][1:] + runs[1]
        slots = [slot_of(f) for f in users]
        sh(IOMUL, "bind", *slots)
        for run in runs:
            out = subprocess.run([TOP / "build/vm/view", *run], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True)
            print("   ", out.stdout.strip())
            self.check(out.returncode == 0, f"{len(run) - 1} VFIO users read back what they wrote, and opened nothing")
        sh(IOMUL, "unbind", *slots)
        for f in users:
            if (PCI / f / "driver").exists():
                (PCI / f / "driver" / "unbind").write_text(f)

    def reserve_free(self):
        ports = Path("/proc/ioports").read_text()
        taken = [tuple(int(x, 16) for x in m) for m in re.findall(r"^  ([0-9a-f]{4})-([0-9a-f]{4}) :", ports, re.M)]
        free = [w for w in range(0x1000, 0x10000, 0x1000)
                if not any(a <= w + 0xfff and w <= b for a, b in taken)]
        self.check(len(free) >= 2, f"two windows of 4 KiB are left: {[hex(w) for w in free]}")

    def run(self):
        case, check = self.case, self.check
        self.prepare()
        for name in case.early:
            getattr(self, name)()
        before, others = self.state(), self.others()
        self.before = before
        rest = self.state(others)
        print(f"{len(self.slots)} slots, {len(self.functions())} functions selected; {len(others)} others")
        self.attach()
        self.same(rest, self.state(others), "attach: what was not selected has not changed")
        self.enable()   # starved functions have their I/O bit set only now
        self.loads_start()
        self.phase("all", self.slots, self.accesses)
        self.phase("round", self.slots, self.accesses // 2, 1, 1)
        for n, (a, b) in enumerate(case.pairs):
            self.phase(f"pair{n}", [self.ids[a], self.ids[b]], self.accesses // 4, 1, 1)
        if case.one_slot:
            self.phase("slot", [slot_of(self.ids[case.one_slot])], self.accesses // 2)
        for name in case.extra:
            getattr(self, name)()
        self.loads_end()
        verify = sh(IOMUL, "status", "--verify", check=False)
        check("all as they should be" in verify, "the hardware is as it should be")
        self.same(rest, self.state(others), "accesses: what was not selected has not changed")
        sh(IOMUL, "detach", "--all")
        sh("mark", "detached")
        self.same(before, self.state(), "detach: everything is as it was")
        self.result |= {"passed": check.passed, "failed": check.failed}
        (OUT / "result.json").write_text(json.dumps(self.result))


def load_tty(path):
    """Data through the loop-back of a serial port, for as long as it comes back as it was."""
    import termios
    import fcntl
    import struct
    TIOCM_LOOP = 0x8000
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    attr = termios.tcgetattr(fd)
    attr[0] = attr[1] = attr[3] = 0
    attr[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    attr[4] = attr[5] = termios.B115200
    attr[6][termios.VMIN], attr[6][termios.VTIME] = 0, 100
    termios.tcsetattr(fd, termios.TCSANOW, attr)
    fcntl.ioctl(fd, termios.TIOCMBIS, struct.pack("i", TIOCM_LOOP))
    termios.tcflush(fd, termios.TCIFLUSH)
    n = 0
    while True:
        want = bytes((n * 7 + i) & 0xff for i in range(8))
        os.write(fd, want)
        got = b""
        while len(got) < len(want):
            more = os.read(fd, len(want) - len(got))
            if not more:
                break
            got += more
        if got != want:
            raise SystemExit(f"Error: {path}: sent {want.hex()}, must come back, came {got.hex()} after {n} times")
        n += 1


#
# On the host
#

def judge(check, name, case, result, trace, manifest):
    """What the witness says, of everything and of each phase."""
    def replay(begin, end, windows=()):
        witness = Witness(manifest, windows, begin, end)
        with open(trace, errors="replace") as lines:
            witness.read(lines)
        missing = witness.missing_marks()
        if missing:
            raise SystemExit(f"{name}: no mark {missing} in the trace")
        return witness.report()

    whole = replay("attach", "detached")
    check(whole["violations"] == 0, f"{name}: never two decoders, from attach to detach")
    for v in whole["violation"][:5]:
        print("   ", v)
    most = 0
    for phase in result["phases"]:
        texts = [window_text(w) for w in phase["windows"]]
        windows = [tuple(int(x, 16) for x in w.split("-")) for w in texts]
        report = replay(f"{phase['name']}-from", f"{phase['name']}-to", windows)
        by_window = report.get("windows") or {texts[0]: report}
        for window, counters, owners in zip(by_window, phase["counters"], by_window.values()):
            per = owners["writes_per_change"]
            print(f"    {name} {phase['name']} {window}: {phase['accesses']} accesses, {owners['changes']} changes,"
                  f" {owners['owners']} owners, writes per change {per}, levels {owners['levels_per_change']},"
                  f" module: {counters}")
            check(owners["surplus"] == 0,
                  f"{name}: {phase['name']}: two writes for each level at which the way differs")
            check(owners["writes"] == counters["config_writes"], f"{name}: {phase['name']}: the module counts"
                  f" the writes that the witness saw ({counters['config_writes']}, {owners['writes']})")
            if phase["name"] == "slot":
                check(owners["changes"] == 0, f"{name}: functions of one slot need no switching")
            elif phase["name"].startswith("pair"):
                # Of several windows the two share one.
                check(not per or per["max"] == 2, f"{name}: {phase['name']}: two writes a change, all of {owners['changes']}")
            elif phase["name"] == "round" and owners["owners"] > 1:
                check(owners["changes"] > phase["accesses"] / len(by_window) / 20,
                      f"{name}: one process that goes round changes the owner: {owners['changes']} times")
            if phase["name"] in ("all", "round") and per:
                most = max(most, per["max"])
        if phase["name"].startswith("pair"):
            changes = sum(owners["changes"] for owners in by_window.values())
            check(changes > phase["accesses"] / 10, f"{name}: {phase['name']}: the two take turns: {changes} changes")
    check(most == case.most, f"{name}: the dearest change took {case.most} writes (took {most})")


def window_text(window):
    return window if isinstance(window, str) else f"{window['first']:04x}-{window['last']:04x}"


def environment(case):
    if not case.suite:
        return None
    found = subprocess.run([TOP / "lab/kernels/qemu", case.suite], check=True, stdout=subprocess.PIPE, text=True)
    return os.environ | {"PATH": f"{found.stdout.split()[-1]}:{os.environ['PATH']}"}


def outside(name, accesses, seconds, keep):
    case, check = CASES[name], Checks()
    with tempfile.TemporaryDirectory(prefix="iomul-topology-", dir=keep or ("/dev/shm" if os.path.isdir("/dev/shm") else None)) as work:
        trace = f"{work}/trace"
        command = [str(TOP / "lab/run"), case.topology, "--trace", trace, "--out", f"{work}/out",
                   "--timeout", str(seconds or case.timeout), *(["--smp", str(case.smp)] if case.smp else []),
                   *(f"--qemu={q}" for q in case.qemu), *([f"--append={case.append}"] if case.append else []),
                   "--script", __file__, "--", "--inside", name, "--accesses", str(accesses)]
        start = time.monotonic()
        status = subprocess.run(command, cwd=TOP, env=environment(case)).returncode
        print(f"{name}: {time.monotonic() - start:.0f} s")
        check(status == 0, f"{name}: status {status} from the server")
        path = Path(work, "out", "result.json")
        if not check(path.is_file(), f"{name}: a result from the server"):
            return check
        result = json.loads(path.read_text())
        check.passed += result["passed"]
        check.failed += [f"{name}: {f}" for f in result["failed"]]
        from vlab import topology
        manifest = topology.load(case.topology, TOP / "build/lab").manifest()
        judge(check, name, case, result, trace, manifest)
    return check


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument("--inside")
    p.add_argument("--load-tty")
    p.add_argument("--list", action="store_true")
    p.add_argument("--accesses", type=int, default=0)
    p.add_argument("--seconds", type=int, help="that a server may take")
    p.add_argument("--keep")
    p.add_argument("case", nargs="*")
    args = p.parse_args()
    if args.load_tty:
        return load_tty(args.load_tty)
    if args.list:
        return print(*CASES)
    if args.inside:
        inside = Inside(CASES[args.inside], args.accesses)
        inside.run()
        return sys.exit(bool(inside.check.failed))
    names = list(CASES) if args.case == ["all"] else args.case
    if not names or any(n not in CASES for n in names):
        p.error(f"cases: {' '.join(CASES)}")
    passed, failed = 0, []
    for name in names:
        check = outside(name, args.accesses, args.seconds, args.keep)
        passed += check.passed
        failed += check.failed
    for what in failed:
        print(f"FAILED: {what}")
    print(f"{passed} passed, {len(failed)} failed")
    return sys.exit(bool(failed))


if __name__ == "__main__":
    main()
