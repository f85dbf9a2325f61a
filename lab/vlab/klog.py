# SPDX-License-Identifier: GPL-2.0-only
"""Finds in a kernel log what must not be there."""

import re

BAD = re.compile(rb"""
	WARNING: | BUG: | \bOops\b | Call\ Trace | KASAN | UBSAN | KCSAN | Kernel\ panic |
	general\ protection\ fault | double\ fault | unable\ to\ handle |
	possible\ (?:recursive|circular)\ locking | inconsistent\ lock\ state |
	held\ lock\ freed | bad\ unlock\ balance | suspicious\ RCU\ usage | locks?\ held\ when\ returning |
	INFO:\ task\ .*\ blocked | detected\ stalls | self-detected\ stall |
	kmemleak:\ [1-9]\d*\ new | refcount_t: | Unknown\ symbol | disagrees\ about\ version
""".replace(b"\t", b""), re.VERBOSE)


def complaints(log, allowed=()):
    """Lines of the log (bytes) that match BAD and none of the allowed patterns."""
    allow = [re.compile(p.encode()) for p in allowed]
    return [line.decode(errors="replace") for line in log.replace(b"\0", b"").splitlines()
            if BAD.search(line) and not any(a.search(line) for a in allow)]
