#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server hotplug or plugs, modules loaded: attached and detached, unplugged and plugged
# in, removed and found again, so many times, while bystanders are accessed; and what that did
# to the kernel's memory.
# usage, as root: cycles.sh [TIMES [PHASE]]	(1000; attach, unplug, remove, all). Ends with
#	"N passed, N failed".
#
# A leak of one object a cycle makes some cache of the kernel's larger by TIMES objects. What
# else comes and goes is some hundreds, so from 800 cycles on half of them is too many; with
# fewer, as in the debug kernel, it is for kmemleak to find out.
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
times=${1:-1000}
phase=${2:-all}
REST=0.2	# so that it does not take all day
judged=800
each=1	# slots in a cycle

memory() {
	sync
	echo 3 > /proc/sys/vm/drop_caches
	sleep 2		# what waits for a grace period
	for cache in /sys/kernel/slab/*/shrink; do echo 1 > "$cache"; done 2> /dev/null
	# Areas of address space are freed lazily, by the thousand: those in use count.
	awk 'NR > 2 && $1 != "vmap_area" { print $1, $2 }' /proc/slabinfo
	echo "vmalloc $(grep -vc unpurged /proc/vmallocinfo)"
	awk '/^SUnreclaim/ { print "SUnreclaim_kB", $2 }' /proc/meminfo
}

# What grew, and whether some cache grew by an object in every second cycle.
judge() {
	join /tmp/memory.before /tmp/memory.after | awk -v times="$1" -v judged=$judged -v what="$2" '
		{ grown = $3 - $2 }
		$1 != "SUnreclaim_kB" && grown > most { most = grown; name = $1 }
		$1 == "SUnreclaim_kB" { kb = grown }
		END {
			printf "%d times %s: SUnreclaim %+d kB; the cache that grew most: %s, by %d objects\n",
				times, what, kb, name ? name : "none", most
			exit times >= judged && most >= times / 2
		}'
}

# cycles TIMES NAME COMMAND...: COMMAND does as many as it is told. A tenth comes first, so that
# what is kept is there.
cycles() {
	count=$1 name=$2
	shift 2
	event "$name"
	check "$name: some go well" "$@" $((count / 10 + 2))
	memory | sort > /tmp/memory.before
	began=$(cut -d. -f1 /proc/uptime)
	check "$name: all go well" "$@" "$count"
	ended=$(cut -d. -f1 /proc/uptime)
	memory | sort > /tmp/memory.after
	check "$name: nothing leaks" judge $((count * each)) "$name"
	echo "$(cat /tmp/check.out); $((ended - began)) s"
}

repeat() {
	n=0
	while [ $n -lt "$2" ]; do
		$1 || return 1
		n=$((n + 1))
	done
}
wanted() { [ "$phase" = all ] || [ "$phase" = "$1" ]; }

attach_detach() { $iomul attach 01:00 02:00 > /dev/null && $iomul detach 01:00 02:00 > /dev/null; }
remove_rescan() { echo 1 > $pci/0000:01:00.0/remove && rescan && soon shares 0000:01:00; }
switch_remove_rescan() {
	echo 1 > $pci/0000:00:04.0/remove && rescan && soon shares 0000:06:00 && soon shares 0000:07:00
}
# Many slots at once, since most of it is waiting.
unplug_plug() {
	# shellcheck disable=SC2086 # a list
	"$top/tests/vm/hotplug.py" "$1" $plugs
}

if is_there 0000:0a:00.0; then
	plugs="1 2 3 4 5 6 7 8" bystander=0000:09:00 other=0000:0a:00
else
	plugs="1 2 3" bystander=0000:06:00 other=0000:07:00
fi
! wanted unplug || unplugs
check "attach" $iomul attach 03:00 $bystander $other
bystanders_start $bystander $other
! wanted attach || cycles "$times" "attached and detached" repeat attach_detach
check "attach the rest" $iomul attach --all
each=$(echo "$plugs" | wc -w)
! wanted unplug || cycles $((times / each + 1)) "unplugged and plugged in, $each slots at once" unplug_plug
each=1
! wanted remove || cycles $((times / 5 + 1)) "removed and found again" repeat remove_rescan
bystanders_stop
if wanted remove; then
	bystanders_start 0000:02:00 0000:03:00
	cycles $((times / 20 + 1)) "a switch removed and found again" repeat switch_remove_rescan
	bystanders_stop
fi
check "all answer" answers
check "every register is as it should be" verified
check "detach" $iomul detach --all
check "no range is left behind" refuses grep -i iomul /proc/ioports
check "unload" sh -c "rmmod iomul-vfio-pci && rmmod iomul"
verdict
