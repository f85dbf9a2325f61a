#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every message that the product prints must be found in docs/troubleshooting.md.

usage: messages.py [--list]. Messages are taken from the sources: the calls that
speak to a person (TALKERS), and the tables of sentences. Places for names and
numbers are written "…" in the page. --list prints them all, for writing it.
Ends with "N passed, N failed".
"""
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TALKERS = r"complain|usage_error|capture_fail|capture_note|mangled|wrong|say|" \
          r"pr_err|pr_warn|pr_notice|pr_info|pci_err|pci_warn|pci_notice|pci_info|dev_err|dev_warn|dev_info"
STRING = r'"(?:[^"\\]|\\.)*"'
CALL = re.compile(r"\b(" + TALKERS + r")\(((?:[^;\"]|" + STRING + r")*)\);", re.S)
PLACE = re.compile(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:ll|l|z|h)?[a-zA-Z](?:[RrhU](?![a-z]))?|\{\w+\}")
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def literals(text):
    """Adjacent strings are one."""
    joined = re.sub(r'"\s*(?:IOMUL_VERSION|SNAPSHOT_FORMAT|DRIVER|VARIANT\w*|IOMUL_VARIANT\w*)\s*"', "…", text)
    for run in re.findall(STRING + r"(?:\s*" + STRING + r")*", joined):
        yield "".join(s[1:-1] for s in re.findall(STRING, run))


def clean(text):
    text = text.replace("\\n", " ").replace('\\"', '"').replace("%%", "%")
    return re.sub(r"\s+", " ", PLACE.sub("…", text)).strip()


def messages():
    """(file, message), without those that are nothing but a place."""
    files = sorted(glob.glob(f"{TOP}/cli/*.c") + glob.glob(f"{TOP}/kmod/*.c") +
                   glob.glob(f"{TOP}/kmod/vfio/*.c"))
    for path in files:
        with open(path) as f:
            source = COMMENT.sub(" ", f.read())
        found = [s for m in CALL.finditer(source) for s in literals(m.group(2))]
        if path.endswith("refusal.c"):
            table = source[source.index("reasons[IOMUL_R_COUNT]"):source.index("\n};")]
            found += list(literals(table)) + list(literals(source[source.index("unsized_elsewhere[]"):]))[:1]
        for text in found:
            text = clean(text)
            if len(re.sub(r"[^a-zA-Z ]", "", text)) >= 14 and " " in text:
                yield os.path.relpath(path, TOP), text


def pieces(text):
    return [p.strip() for p in text.split("…") if len(p.strip()) >= 8] or [text.strip("… ")]


def main():
    every = sorted(set(messages()))
    if "--list" in sys.argv:
        for path, text in every:
            print(f"{path}\t{text}")
        return 0
    with open(os.path.join(TOP, "docs", "troubleshooting.md")) as f:
        page = re.sub(r"\s+", " ", f.read().replace("`", "").replace("\\|", "|"))
    missing = [(p, t) for p, t in every if not all(x in page for x in pieces(t))]
    for path, text in missing:
        print(f"not in docs/troubleshooting.md: {path}: {text}")
    print(f"{len(every) - len(missing)} passed, {len(missing)} failed")
    return bool(missing)


sys.exit(main())
