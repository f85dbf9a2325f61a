#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the server "torture", modules loaded: tests/torture/lab.c on all slots but one, two of
# them in the hands of hostile guests; the one left alone must never notice.
#
# usage, as root: lab.sh SECONDS [SEED [PROCESSES]]. Ends with "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
pci=/sys/bus/pci/devices
seconds=$1
seed=${2:-$(date +%s)}
[ -e /dev/iomul ] || "$top/lab/scripts/load" || exit 1
# One window: everybody wants it.
set --
for path in $pci/*; do
	[ "$(cat "$path/device")" = 0x10d3 ] && set -- "$@" "${path##*/}"
done
[ $# -ge 5 ] || { echo "lab.sh: want five e1000e"; exit 1; }
nics=$*
alone=$1
shift
cat /proc/ioports > /tmp/before
state() { od -v -tx1 "$pci/$alone/config"; cat "$pci/$alone/resource"; }
# The test program enables the function, which leaves memory decode on.
"$top/build/vm/identity" -H -n 20 -p 1 "$alone" > /dev/null || exit 1
echo 1 > "$pci/$alone/enable"
state > /tmp/alone
"$top/build/iomul" attach --windows 1 "$@" || exit 1
guest1=$("$top/tests/debug/vfio-bind" "$1") && guest2=$("$top/tests/debug/vfio-bind" "$2") || exit 1
shift 2

(while [ ! -e /tmp/stop ]; do "$top/build/vm/identity" -H -n 2000 -p 1 "$alone" || echo bad; sleep 1; done) \
	> /tmp/bystander 2>&1 & bystander=$!
"$top/build/torture/lab" -t "$seconds" -s "$seed" -v "$guest1" -v "$guest2" "$@"
failed=$?
touch /tmp/stop
wait $bystander
passed=$((1 - failed))

check() {
	what=$1
	shift
	if "$@" > /tmp/check.out 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok - $what"
		tail -5 /tmp/check.out
	fi
}

tail -1 /tmp/bystander
check "the one left alone was never reached by others" sh -c '! grep -v ": 0 misrouted, 0 errors" /tmp/bystander'
state > /tmp/alone.now
check "nor changed" cmp /tmp/alone /tmp/alone.now
check "nothing differs from what it should be" "$top/build/iomul" status --verify
check "detach" "$top/build/iomul" detach --all
# What was unplugged while it shared came back without ports of its own; so it is plugged in again.
for nic in $nics; do
	[ "$nic" = "$alone" ] || echo 1 > "$pci/$nic/remove"
done
echo 1 > /sys/bus/pci/rescan
sleep 1
check "all ports are back" diff /tmp/before /proc/ioports
echo "$passed passed, $failed failed"
[ $failed = 0 ]
