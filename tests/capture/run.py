#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Captures of machines, whole and mangled, through iomul plan --from and its kin.

usage: run.py IOMUL. Ends with "N passed, N failed".
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
IOMUL = sys.argv[1]
passed = failed = 0


def fixture(name):
    return os.path.join(HERE, "fixtures", name)


def iomul(*args, stdin=None):
    if isinstance(stdin, str):
        stdin = stdin.encode()
    r = subprocess.run([IOMUL, *args], input=stdin, capture_output=True, timeout=60,
                       env={**os.environ, "IOMUL_DEVICE": "/nonexistent", "LC_ALL": "C.UTF-8"})
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def froms(*names):
    return [a for n in names for a in ("--from", fixture(n))]


def check(name, ok, *shown):
    global passed, failed
    if ok:
        passed += 1
        return
    failed += 1
    print(f"FAILED {name}")
    for s in shown:
        print("   ", str(s)[:2000].replace("\n", "\n    "))


# Whole captures: what the plan's JSON must say of some functions.
# function: (ports now or None, size or None); and words that the notes must have.
WHOLE = [
    ("pciutils 2.2", ["old-2.2.txt"],
     {"0000:01:00.0": ((0xdc00, 0xdcff), 256), "0000:02:00.0": (None, 256)},
     ["is no BAR", "root bus 0000:00 passes on"]),
    ("lspci -v by a user", ["plain-3.1-user.txt"],
     {"0000:03:00.0": ((0xec00, 0xecff), 256), "0000:04:00.0": (None, None)},
     ["others of the same model", "without root rights", "forward I/O at all",
      "whether the drivers of 0000:03:00.0 use their ports"]),
    ("lspci -v by a user, kernel log", ["plain-3.1-user.txt", "plain-3.1-user.dmesg.txt"],
     {"0000:03:00.0": ((0xec00, 0xecff), 256), "0000:04:00.0": (None, 256)}, []),
    ("pciutils 3.13, two roots, SR-IOV, VMD", ["new-3.13.txt", "new-3.13.dmesg.txt"],
     {"0000:02:00.0": ((0x3000, 0x307f), 128)},
     ["segment has more than 16 bits", "virtual functions", "0000:16:00.0: behind ports"]),
    ("CardBus, subtractive decode", ["cardbus.txt"],
     {"0000:02:08.0": ((0x4000, 0x403f), 64)}, ["subtractive"]),
    ("dump without -v", ["lab-bigiron24.nn-x.txt"],
     {"0000:01:00.0": ((0x1000, 0x10ff), None), "0000:10:00.0": (None, None)}, []),
    ("dump, kernel log, ioports", ["lab-bigiron24.nn-x.txt", "lab-bigiron24.dmesg.txt",
                                   "lab-bigiron24.ioports.txt"],
     {"0000:01:00.0": ((0x1000, 0x10ff), 256), "0000:10:00.0": (None, 256)}, []),
    ("kernel log alone", ["lab-bigiron24.dmesg.txt"],
     {"0000:01:00.0": ((0x1000, 0x10ff), 256), "0000:10:00.0": (None, 256)}, []),
    ("conventional PCI", ["lab-conventional.vvv.txt", "lab-conventional.ioports.txt"], {}, []),
    ("switches", ["lab-cascade.v.txt", "lab-cascade.dmesg.txt"], {}, []),
]


def whole():
    for name, files, want, words in WHOLE:
        for order in (files, files[::-1]):
            code, out, err = iomul("plan", "--json", *froms(*order))
            if code not in (0, 1) or not out:
                check(name, False, code, out, err)
                continue
            plan = json.loads(out)
            got = {}
            for f in plan["functions"]:
                b = f["bars"][0]
                at = b["at"] and (b["at"]["first"], b["at"]["last"])
                got[f["function"]] = (at, b["size"])
            bad = {k: (v, got.get(k)) for k, v in want.items() if v[1] and got.get(k) != v or
                   k not in got or (v[0] is None) != (got[k][0] is None)}
            check(name, not bad, bad, err)
            notes = " ".join(n["text"] for n in plan["notes"])
            check(name + ": notes", all(w in notes for w in words) and (not words or err), notes)


# What was seen on the machine itself, and what a capture of it says, must agree.
def round_trip():
    files = froms("lab-bigiron24.nn-x.txt", "lab-bigiron24.dmesg.txt", "lab-bigiron24.ioports.txt")
    code, snap, err = iomul("snapshot", *files)
    check("snapshot of a capture", code == 0, err)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write(snap)
        f.flush()
        code, again, err = iomul("snapshot", "--from", f.name)
        check("snapshot read back", code == 0 and again == snap, err)
        direct = iomul("plan", "--all", "--json", *files)[1]
        through = iomul("plan", "--all", "--json", "--from", f.name)[1]
        a, b = json.loads(direct), json.loads(through)
        for p in (a, b):
            p["notes"] = None
            for fn in p["functions"]:
                fn["name"] = None
            for root in p["roots"]:
                for h in root["held"]:
                    h["name"] = h["name"]
            for s in p["skipped"]:
                s["message"] = None
        check("plans agree", a["functions"] == b["functions"] and a["steps"] == b["steps"])
        check("24 of 24 after", a["summary"]["with_ports_after"] == 24, a["summary"])
        for cut in range(0, len(snap), max(1, len(snap) // 60)):
            code, out, err = iomul("plan", "--from", "-", stdin=snap[:cut])
            if code != 1 or "-:" not in err:
                check(f"snapshot cut at {cut}", False, code, err)
        check("cut snapshots say where", True)


HEAD = "00:01.0 PCI bridge: X Y (prog-if 00 [Normal decode])\n"
BODY = "\tControl: I/O+ Mem+\n\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0\n"
DEV = "01:00.0 RAID bus controller: X HBA\n\tControl: I/O+ Mem+\n"

# Mangled: text, and what the message must have in it.
MANGLED = [
    ("", "is empty"),
    ("\n\n", "is empty"),
    ("hello\nworld\n", "has nothing of lspci"),
    (b"\x1f\x8b\x08", "gunzip"),
    (HEAD + BODY + "\tI/O behind bridge: 0000d0\n", "-:4: the I/O window can't be read"),
    (HEAD + BODY + "\tI/O behind bridge: 0000d100-0000dfff\n", "-:4: the I/O window can't be read"),
    (HEAD + "\tControl: I/O+ Mem+\n\tBus: primary=00, secondary=01\n", "-:3: the bus numbers"),
    (HEAD + "\tControl: I/O+\n\n", "-:1: this is a bridge, and the line with its bus numbers"),
    (HEAD + BODY + "\n" + DEV + "\tRegion 0: I/O ports at d000 [size=25", "-:7: the size"),
    (HEAD + BODY + "\n" + DEV + "\tRegion 0: I/O ports at d001 [size=256]\n", "-:7: an I/O region at"),
    (HEAD + BODY + "\n" + DEV + "\tRegion 0: I/O ports at d000 [size=255]\n", "-:7: the size"),
    (HEAD + BODY + "\n" + DEV + "\tRegion 7: I/O ports at d000 [size=256]\n", "-:7: the number"),
    (HEAD + BODY + "\n" + DEV + "\tRegion x: I/O ports at d000 [size=256]\n", "-:7: a region"),
    (HEAD + BODY + "\n" + DEV + "\tRegion 0: I/O ports at d000 [size=256]\n\n" + DEV +
     "\tRegion 0: I/O ports at e000 [size=256]\n", "told twice"),
    (HEAD + BODY + "\n05:00.0 RAID bus controller: X HBA\n\tControl: I/O+ Mem+\n\n", None),
    (HEAD + BODY + "\n" + DEV + "\tRegion 0: I/O ports at d000 [size=256]\n"
     "\t[virtual] Expansion ROM at 88400000 [disabled] [size=128K]\n", None),
    (HEAD + BODY.replace("subordinate=01", "subordinate=09") +
     "\n05:00.0 RAID bus controller: X HBA\n\tControl: I/O+\n\tRegion 0: I/O ports at 1000 [size=256]\n",
     "-:5: the function is on bus 05, and no bridge"),
    (HEAD + BODY + "\n00:02.0 PCI bridge: X\n" + BODY, "two bridges lead to bus 01"),
    (HEAD + BODY.replace("secondary=01, subordinate=01", "secondary=05, subordinate=01"),
     "says that it leads to buses 05 to 01"),
    ("01:00.0 0104: 1000:0079\n00: 00 10 79 00 07 04 10 00 00 00 04 01 10 00\n", "-:2: the dump is cut"),
    ("01:00.0 0104: 1000:0079\n00: 00 10 79 00 07 04 10 00 00 00 04 01 10 00 00 00\n"
     "20: 00 10 79 00 07 04 10 00 00 00 04 01 10 00 00 00\n", "-:3: the dump goes on at 20"),
    ("01:00.0 0104: 1000:0079\n00: 00 10 79 00 07 04 10 00 00 00 04 01 10 00 00 00\n\n",
     "cut after 16 bytes"),
    ('00:00.0 "Host bridge" "Intel" "X" -p00 "" ""\n', "lspci -m's form"),
    ("0000-0000 : PCI Bus 0000:00\n  0000-0000 : dma1\n", "without root rights"),
    ("1fff-1000 : x\n", "-:1: not a range of ports"),
    ("0cf8-0cff : PCI conf1\n", "no device in it"),
    ("{", "-:1: the snapshot is cut off"),
    ("{\n\n]", "-:3: this is no JSON"),
    ("{}", "format: is missing"),
    ('{"format":"x"}', "not a snapshot of iomul's"),
    ('{"format":"iomul-snapshot","schema":2}', "of another release"),
    ('{"format":"iomul-snapshot","schema":1,"roots":[{"segment":"zz"}]}', "roots[0].segment: is not"),
]


def mangled():
    for text, words in MANGLED:
        code, out, err = iomul("plan", "--from", "-", stdin=text)
        if words is None:
            check(repr(text[-60:]), code == 0, code, err)
        else:
            check(repr(text[-60:]), code == 1 and words in err and not out, code, out, err)


def cosmetics():
    """Quoted by mail, CRLF, blanks for tabs, a prompt before, NULs: all the same plan."""
    with open(fixture("old-2.2.txt")) as f:
        text = f.read()
    want = iomul("plan", "--json", "--from", "-", stdin=text)[1]
    for name, changed in [("CRLF", text.replace("\n", "\r\n")),
                          ("quoted", "".join("> " + s for s in text.splitlines(True))),
                          ("blanks", text.replace("\t", "        ")),
                          ("prompt", "$ sudo lspci -vvv\n" + text),
                          ("BOM", "\ufeff" + text)]:
        code, out, err = iomul("plan", "--json", "--from", "-", stdin=changed)
        if not out:
            check(name, False, err)
            continue
        a, b = json.loads(want), json.loads(out)
        check(name, a["functions"] == b["functions"] and code == 0, err)
    for name in os.listdir(os.path.join(HERE, "fixtures")):
        if "dmesg" in name or "ioports" in name:
            continue
        with open(fixture(name)) as f:
            text = f.read()
        for cut in range(1, len(text), max(1, len(text) // 40)):
            code, out, err = iomul("plan", "--from", "-", stdin=text[:cut])
            if code not in (0, 1) or (code == 1 and "iomul: " not in err):
                check(f"{name} cut at {cut}", False, code, err)
    check("cut captures", True)


whole()
round_trip()
mangled()
cosmetics()
print(f"{passed} passed, {failed} failed")
sys.exit(bool(failed))
