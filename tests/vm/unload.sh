#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server switch8, modules loaded: the switch is removed with all that shares, in the
# moment in which the module is unloaded; and found again, shared again, some TIMES (20).
# usage, as root: unload.sh [TIMES]. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
times=${1:-20}
second=/sys/devices/system/cpu/cpu1/online
top_port=$(readlink -f $pci/0000:03:00.0 | sed 's|\(.*/pci0000:00/[^/]*/[^/]*\).*|\1|')

# Emulated processors side by side lose accesses while one of them moves memory BARs (lab/README.md).
alone() {
	[ ! -w $second ] || echo 0 > $second
	"$@"
	status=$?
	[ ! -w $second ] || echo 1 > $second
	return $status
}

round() {
	$iomul attach --all > /dev/null && rmmod iomul-vfio-pci || return
	echo 1 > "$top_port/remove" & remove=$!
	sleep "$1"
	rmmod iomul || return
	wait $remove
	alone rescan
	"$top/lab/scripts/load"
}

modprobe e1000e		# which takes its time to go
n=0
while [ $n -lt "$times" ]; do
	check "removed and unloaded at once" round "0.0$((n % 7))"
	n=$((n + 1))
done
check "attach" $iomul attach --all
check "all answer" answers
check "every register is as it should be" verified
check "detach" $iomul detach --all
check "no range is left behind" refuses grep -i iomul /proc/ioports
verdict
