#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The verbs that look, in a virtual server with the module loaded: map, tree, top,
# metrics, snapshot, doctor; and that a capture of this server says what it itself does.
#
# usage, as root in bigiron24: watch.sh [IOMUL]. Ends with "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=${1:-$top/build/iomul}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

check() {
	status=$?
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok - $*"
		head -c 1500 "$work/out" "$work/err" 2>/dev/null
	fi
}

run() { "$iomul" "$@" >"$work/out" 2>"$work/err"; }
json() { python3 -c "import json,sys; d=json.load(open('$work/out')); sys.exit(not ($1))"; }

lspci -vvv -nn -D -xxx >"$work/lspci"
dmesg >"$work/dmesg"
cat /proc/ioports >"$work/ioports"

# The machine and its captures: the same functions, places, sizes, ports that pass on.
"$iomul" snapshot >"$work/here" && "$iomul" snapshot --from "$work/lspci" --from "$work/dmesg" \
	--from "$work/ioports" >"$work/captured" 2>"$work/err"
check "snapshots"
python3 - "$work/here" "$work/captured" >"$work/out" <<'PY'
import json, sys
here, there = (json.load(open(f)) for f in sys.argv[1:])
bad = 0
for name in ("roots", "functions"):
    if len(here[name]) != len(there[name]):
        print(name, len(here[name]), len(there[name]))
        bad = 1
for a, b in zip(here["functions"], there["functions"]):
    for key in ("function", "parent", "vendor", "device", "class", "bars", "window", "bus_first",
                "bus_last", "flags", "driver"):
        x, y = a.get(key), b.get(key)
        if key == "bars":
            for bar in (x, y):
                for one in bar:
                    one.pop("io16", None)
        if x != y:
            print(a["function"], key, x, y)
            bad = 1
for a, b in zip(here["roots"], there["roots"]):
    if a != b:
        print(a, b)
        bad = 1
sys.exit(bad)
PY
check "the machine and the capture of it agree"

run attach --all; check attach
run map; grep -q "shared by 24 slots" "$work/out"; check "map: the shared window"
run map --json && json 'any(r["kind"] == "shared" for r in d["now"])'; check "map --json"
run tree; grep -q "gate, group 0" "$work/out" && grep -q "Group 0: window" "$work/out"; check tree
run tree --dot; check "tree --dot"
run snapshot; cp "$work/out" "$work/shared"; run plan --from "$work/shared" --json &&
	json 'sum(f["shared"] for f in d["functions"]) == 24'
check "a snapshot of sharing slots"
run metrics; check metrics
if command -v promtool >/dev/null; then
	promtool check metrics <"$work/out" >"$work/err" 2>&1 && [ ! -s "$work/err" ]
	check "promtool check metrics"
else
	echo "skipped: promtool (package prometheus) is not here"
fi
grep -q '^iomul_slot_accesses_total{group="0",slot="0000:18:00"} ' "$work/out"; check "a slot's counter"
run metrics --output "$work/iomul.prom" && grep -q '^iomul_up 1' "$work/iomul.prom"; check "metrics --output"
run metrics --output /nonexistent/x; [ $? -eq 1 ]; check "metrics --output where it can't"
run top --once --interval 0.2; grep -q "^0000:18:00" "$work/out"; check "top --once"
run top --once --json --interval 0.2 && json 'len(d["slots"]) == 24'; check "top --once --json"
timeout 2 "$iomul" top --json --interval 0.2 >"$work/out" 2>"$work/err"
[ "$(wc -l <"$work/out")" -ge 3 ] && python3 -c "import json
for l in open('$work/out'): json.loads(l)"
check "top --json: a line every interval"
# A terminal: keys, and that it leaves the screen and the terminal as they were.
python3 - "$iomul" >"$work/out" 2>"$work/err" <<'PY'
import os, pty, select, sys, termios, time, fcntl, struct
pid, fd = pty.fork()
if not pid:
    os.environ["TERM"] = "xterm"
    os.execv(sys.argv[1], [sys.argv[1], "top", "--interval", "0.2"])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 90, 0, 0))
seen = b""
def read(seconds):
    global seen
    end = time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                return
read(1.0)
os.write(fd, b"s")
read(0.5)
assert b"sorted by slot" in seen, seen[-500:]
assert b"and " in seen and b" more" in seen, "12 rows are too few for 24 slots"
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
seen = b""
read(1.0)
assert b"0000:18:00" in seen, seen[-500:]
before = termios.tcgetattr(fd)[3]
os.write(fd, b"q")
read(1.0)
pid, status = os.waitpid(pid, 0)
assert os.WEXITSTATUS(status) == 0 and seen.rstrip().endswith(b"\x1b[?1049l"), seen[-200:]
PY
check "top on a terminal"
# What a terminal is told while it waits is gone afterwards; a file is told nothing.
python3 - "$iomul" >"$work/out" 2>"$work/err" <<'PY'
import os, pty, re, subprocess, sys
leader, follower = pty.openpty()
for verb, doing in (("detach", "Detaching"), ("attach", "Attaching 24 slots")):
    subprocess.run([sys.argv[1], verb, "--all"], check=True, stdout=subprocess.DEVNULL, stderr=follower)
    os.write(follower, b"|")
    seen = ""
    while not seen.endswith("|"):
        seen += os.read(leader, 65536).decode()
    line = rf"(\r(Reading the PCI tree|{doing}): \d+\.\d s)+\r {{79}}\r"
    assert re.fullmatch(rf"({line})*\|", seen), seen
    print(verb, repr(seen[:60]))
for verb in ("detach", "attach"):
    done = subprocess.run([sys.argv[1], verb, "--all"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert not done.stderr, done.stderr
PY
check "progress"
# Accesses of two slots in turn: the counters and the tracepoints must have them.
events=/sys/kernel/tracing/events/iomul
[ -d $events ] && echo 1 >$events/enable && echo >/sys/kernel/tracing/trace
python3 - >"$work/out" 2>"$work/err" <<'PY'
import ctypes, fcntl, os, struct
def claim(bus):
    fd = os.open("/dev/iomul", os.O_RDWR)
    buf = bytearray(struct.pack("<IIHBBI", 120, 0, 0, bus, 0, 0) + bytes(104))
    fcntl.ioctl(fd, 0xB906, buf)
    return fd
def read(fd, offset):
    op = ctypes.create_string_buffer(struct.pack("<BBHIIIQ", 0, 4, 0, offset, 1, 0, 0), 24)
    buf = bytearray(struct.pack("<IIQII", 24, 0, ctypes.addressof(op), 1, 0))
    fcntl.ioctl(fd, 0xB908, buf)
    return struct.unpack_from("<Q", op.raw, 16)[0]
a, b = claim(0x17), claim(0x18)
for i in range(10):
    read(a, 0xb0)
    read(b, 0xb0)
PY
check "accesses through /dev/iomul"
run metrics; grep -q '^iomul_slot_accesses_total{group="0",slot="0000:18:00"} 10$' "$work/out" &&
	grep -q '^iomul_slot_switches_total{group="0",slot="0000:17:00"} 10$' "$work/out"
check "the counters have them"
if [ -d $events ]; then
	cat /sys/kernel/tracing/trace >"$work/out"
	[ "$(grep -c 'iomul_access: slot=0000:1[78]:00 in ' "$work/out")" -eq 20 ] &&
		[ "$(grep -c 'iomul_switch: group=0 owner=0000:1[78]:00' "$work/out")" -eq 20 ]
	check "the tracepoints have them"
	echo 0 >$events/enable
else
	echo "skipped: this kernel has no tracepoints for modules"
fi

run doctor; [ $? -le 1 ] && [ -s "$work/out" ]; check doctor
run doctor --json; [ $? -le 1 ] && json 'd["schema"] == 1 and d["checks"]'; check "doctor --json"
run status --json && json 'd["schema"] == 1'; check "status --json"
run detach --all; check detach
run map; ! grep -q "shared by" "$work/out"; check "map: as before"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
