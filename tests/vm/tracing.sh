#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server hotplug, modules loaded: the lines of docs/howto-tracing.md with
# tracefs, perf and bpftrace; each tracepoint is seen; the counters by promtool's measure.
# usage, as root: tracing.sh [ROOT]	ROOT: where bpftrace was unpacked, if not installed
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=$top/build/iomul
tracing=/sys/kernel/tracing
passed=0 failed=0 skipped=0

check() {
	what=$1
	shift
	if "$@" > /tmp/check.out 2>&1; then
		passed=$((passed + 1))
		echo "ok - $what"
	else
		failed=$((failed + 1))
		echo "not ok - $what"
		tail -5 /tmp/check.out
	fi
}

skip() {
	skipped=$((skipped + 1))
	echo "skip - $1"
}

work() { "$top/build/vm/identity" -n 600 -p 2; }
# A tool may take half a minute here before it begins to look.
keep_busy() {
	rm -f /tmp/idle
	while [ ! -e /tmp/idle ]; do work; done > /dev/null 2>&1 &
}
be_idle() {
	touch /tmp/idle
	wait
}
traced() { grep -q "iomul_$1:.*$2" $tracing/trace; }

if [ -n "${1:-}" ]; then
	PATH=$PATH:$1/usr/bin
	LD_LIBRARY_PATH=$1/usr/lib/x86_64-linux-gnu
	export LD_LIBRARY_PATH
fi
mountpoint -q $tracing || mount -t tracefs none $tracing
$iomul attach --all --windows 1 > /dev/null || exit 1

echo 1 > $tracing/events/iomul/enable
work > /dev/null
check "tracefs: iomul_access" traced access "in  *port=0x[0-9a-f]* width=4"
check "tracefs: iomul_switch" traced switch "owner=.*config_writes="
echo 0 > $tracing/events/iomul/enable

if command -v perf > /dev/null; then
	keep_busy
	perf record -o /tmp/perf.data -e iomul:iomul_access -a sleep 10 > /tmp/perf.out 2>&1
	be_idle
	perf report -i /tmp/perf.data --sort comm --stdio > /tmp/perf.report 2>/dev/null
	check "perf: accesses by process" grep -E '^ *[0-9.]+% +identity' /tmp/perf.report
	grep -E '^ *[0-9.]+% ' /tmp/perf.report
else
	skip "perf is not installed"
fi

if command -v bpftrace > /dev/null; then
	keep_busy
	timeout -s INT 300 bpftrace -e 'tracepoint:iomul:iomul_access { @[args->bus, args->port] = count(); }' \
		> /tmp/bpftrace.out 2>&1
	be_idle
	check "bpftrace: which ports" grep -E '^@\[[0-9]+, [0-9]+\]: [1-9]' /tmp/bpftrace.out
	head -5 /tmp/bpftrace.out
else
	skip "bpftrace is not installed"
fi

# Waits are there only where somebody contends: make some.
$top/build/vm/identity -t 3 -p 4 > /dev/null
$iomul metrics > /tmp/metrics
waited() {
	$iomul status --json | python3 -c 'import json, sys
slots = json.load(sys.stdin)["slots"]
assert any(s["waits"] for s in slots), "nobody waited"
for s in slots:
    assert sum(s["wait_buckets"]) == s["waits"], s
    assert not s["waits"] or 0 < s["wait_median_ns"] <= s["wait_p99_ns"] <= s["wait_longest_ns"], s
    assert s["wait_longest_ns"] <= s["wait_ns"], s
print([(s["slot"], s["waits"], s["wait_median_ns"], s["wait_p99_ns"], s["wait_longest_ns"]) for s in slots])'
}
check "status: waits add up" waited
cat /tmp/check.out
buckets() { grep -q '^iomul_slot_wait_seconds_bucket{.*le="+Inf"} [1-9]' /tmp/metrics; }
check "metrics: a histogram of the waits" buckets
if command -v promtool > /dev/null; then
	check "promtool finds nothing to say" promtool check metrics < /tmp/metrics
else
	skip "promtool is not installed"
fi
echo 1 > $tracing/events/iomul/iomul_event/enable
qmp del nic0 > /dev/null
n=0
until traced event "function=" || [ $n -gt 50 ]; do
	n=$((n + 1))
	sleep 0.1
done
check "tracefs: iomul_event when a device is unplugged" traced event "function="
grep "iomul_event:" $tracing/trace
echo "$passed passed, $failed failed, $skipped skipped"
exit $((failed > 0))
