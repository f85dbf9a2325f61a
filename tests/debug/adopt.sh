#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the server "hotplug": a device is plugged in again and again, and each time another
# allocation of the worker that attaches it fails. It shares or it doesn't, then it can be
# attached by hand; nothing differs from what it should be.
#
# The worker is one of the kernel's: fail-nth is of a process, so failslab picks the
# kworkers (task-filter) and of their allocations every Nth.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
fail=/sys/kernel/debug/failslab
pci=/sys/bus/pci/devices
[ -d $fail ] || { echo "skipped adopt: this kernel has no CONFIG_FAILSLAB"; exit 77; }
passed=0 failed=0 refused=0 shared=0
device=0000:01:00.0
"$top/build/debug/try" attach $device || exit 1

set_fail() { echo "$2" > "$fail/$1"; }
set_fail verbose 0
set_fail ignore-gfp-wait N
set_fail task-filter Y
set_fail space 0
state() { "$top/build/debug/try" claim $device; }

# shellcheck disable=SC2048 # a list of numbers
for nth in ${*:-1 2 3 4 6 9 13 19 28 40 60 90 120}; do
	grep -l '^kworker' /proc/[0-9]*/comm 2> /dev/null | while read -r comm; do
		echo 1 > "${comm%comm}make-it-fail"
	done
	echo 1 > $pci/$device/remove
	set_fail interval $nth
	set_fail times 1
	set_fail probability 100
	echo 1 > /sys/bus/pci/rescan
	sleep 0.7
	set_fail probability 0
	case $(state) in
	ok) shared=$((shared + 1)) ;;
	*)
		refused=$((refused + 1))
		"$top/build/debug/try" attach $device > /tmp/out || { failed=$((failed + 1)); echo "not ok: allocation $nth: attach: $(cat /tmp/out)"; }
		;;
	esac
	if [ "$("$top/build/debug/try" verify)" = ok ] && [ "$(state)" = ok ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok: allocation $nth: verify: $("$top/build/debug/try" verify), claim: $(state)"
	fi
done
echo "adopted $shared times, refused $refused times"
[ $refused -gt 0 ] || { echo "not ok: nothing failed"; failed=$((failed + 1)); }
"$top/build/iomul" detach --all || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ $failed = 0 ]
