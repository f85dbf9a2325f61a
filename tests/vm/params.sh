#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The module's parameters: guestdev=, guestiomuldev=, windows=, reserve=. What is wrong is said and
# the rest counts; loading never fails; unloading leaves everything as it was.
#
# usage, as root, in nics24 without the module: params.sh
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=$top/build/iomul
pci=/sys/bus/pci/devices
passed=0
failed=0

state() { head -c 256 "$pci"/*/config | od -v -tx1; tail -n +1 "$pci"/*/resource; cat /proc/ioports; }

# check NAME COMMAND...
check() {
	name=$1
	shift
	if "$@" > /tmp/check.log 2>&1; then
		echo "  ok   $name"
		passed=$((passed + 1))
	else
		echo "  FAIL $name: $*"
		sed 's/^/       | /' /tmp/check.log /tmp/said
		failed=$((failed + 1))
	fi
}

# with PARAMETER...: loads with these
with() {
	echo "$*"
	dmesg -c > /dev/null
	"$top/lab/scripts/load" "$@"
	check "it loads" [ $? = 0 ]
	dmesg > /tmp/said
	"$iomul" status --json > /tmp/status.json
	check "as it should be" "$iomul" status --verify
}

unload() {
	rmmod iomul_vfio_pci iomul
	state > /tmp/after
	check "unloaded, everything is as it was" cmp /tmp/before /tmp/after
}

shared() {
	python3 -c 'import json; print(*sorted(s["slot"] for s in json.load(open("/tmp/status.json"))["slots"]))'
}
groups() { python3 -c 'import json; print(len(json.load(open("/tmp/status.json"))["groups"]))'; }
shares() { shared; [ "$(shared)" = "$*" ]; }
says() { grep -F -e "$1" /tmp/said; }
silent() { ! grep -a 'iomul: ' /tmp/said | grep -v -e ' attached' -e taint; }

# Device.function of the port above a slot, as a path has it.
above() { port=$(readlink -f "$pci/$1.0/.."); port=${port##*:}; echo "${port#0}"; }

state > /tmp/before
lender=0000:0f:00
starved=0000:10:00
other=0000:11:00
root=$(cat /sys/bus/acpi/devices/PNP0A08:00/hid):$(cat /sys/bus/acpi/devices/PNP0A08:00/uid)

with guestiomuldev=0f:00,$starved
check "both share" shares $lender $starved
check "nothing is amiss" silent
unload

with "guestdev=$root-$(above $lender)-0.0+iomul,$starved.0+iomul"
check "by path, and by address" shares $lender $starved
check "nothing is amiss" silent
unload

with "guestdev=$root-$(above $starved)-(0.0|0.1)+iomul,0f:00.0+iomul,$other.0"
check "the function that is there counts; seizing is not the module's" shares $lender $starved
check "the other is said" says "nothing at 0.1 below bus 0000:10"
unload

with "guestdev=PNP0A08:77-1.0-0.0+iomul,$root-1f.7-0.0+iomul,10:00.0+iomul" guestiomuldev=0f:00,1z:00,7f:00,11:00
check "typo, wrong paths, gone slot: the rest shares" shares $lender $starved $other
check "the typo, with its position" says "guestiomuldev, character 8: "
check "no such root" says "guestdev, character 1: no ACPI root bridge PNP0A08:77"
check "no such bridge" says "no bridge at -1f.7 (component 1)"
check "no such slot" says "0000:7f:00 not shared: no such device"
unload

with guestiomuldev=10:00
check "not a page is free: nothing shares" shares
check "and it says why" says "0000:10:00 not shared: no ports are free for a window"
unload

with guestiomuldev=all
check "all 24" [ "$(shared | wc -w)" = 24 ]
check "in one window" [ "$(groups)" = 1 ]
unload

with guestiomuldev=all windows=3
check "in three windows" [ "$(groups)" = 3 ]
unload

with guestiomuldev=all windows=0
check "as many as there are pages" [ "$(groups)" = 15 ]
unload

with guestiomuldev= guestdev=
check "empty: nothing shares" shares
check "and nothing is said" silent
unload

echo "with a page that is free"
echo 1 > "$(readlink -f $pci/0000:01:00.0/..)/remove"
state > /tmp/before
with guestiomuldev=10:00
check "it is taken" shares $starved
unload
with guestiomuldev=10:00 reserve=1
check "it stays free" shares
check "and it says why" says "0000:10:00 not shared: no ports are free for a window"
unload

echo "$passed passed, $failed failed"
[ $failed = 0 ]
