#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every JSON key and metric that the command writes stands in docs/reference, and every
verb's options in its --help. Ends with "N passed, N failed".
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = {"json.md": ["status", "plan", "map", "top", "doctor", "refusal", "holders", "from"],
         "snapshot.md": ["snapshot"]}
passed = failed = 0


def read(*path):
    with open(os.path.join(TOP, *path)) as f:
        return f.read()


def check(ok, what):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    if not ok:
        print("missing:", what)


for page, files in PAGES.items():
    text = read("docs", "reference", page)
    for name in files:
        keys = set(re.findall(r'json_put\w*\(\w+, "(\w+)"', read("cli", name + ".c")))
        for key in sorted(keys):
            check(re.search(rf"`{key}(\[\])?`", text), f"{page}: {key} of cli/{name}.c")
text = read("docs", "reference", "json.md")
for metric in re.findall(r'(?:\{ |head\(f, )"((?:group|slot|up|info)\w*)"', read("cli", "metrics.c")):
    check(f"`iomul_{metric}`" in text, f"json.md: iomul_{metric}")
print(f"{passed} passed, {failed} failed")
sys.exit(bool(failed))
