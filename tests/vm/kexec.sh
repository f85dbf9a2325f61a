#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server hotplug: a kernel that is started by kexec while slots share. This script
# runs in both kernels.
# usage, as root: kexec.sh [free|held]. Ends with "N passed, N failed".
#
#   free	nobody uses a slot: the second kernel finds ports and windows as the first one did
#   held	somebody holds one open: it finds all gates shut, and places what it does not like anew
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
how=${1:-free}
kept=/run/lab/out/kexec
mkdir -p /run/lab/out

ports() { grep -v iomul /proc/ioports; }
windows() {
	for f in "$pci"/0000:*; do
		echo "${f##*/} $(setpci -s "${f##*/}" COMMAND 10.l 14.l 18.l 1c.l 30.l | tr '\n' ' ')"
	done
}
# Ports that pass on something else than Linux knows.
odd_windows() {
	for f in "$pci"/0000:*; do
		[ "$(cut -c1-6 "$f/class")" = 0x0604 ] || continue
		first=$(sed -n '14s/ .*//p' "$f/resource") last=$(sed -n 14p "$f/resource" | cut -d' ' -f2)
		limit=$(setpci -s "${f##*/}" 1d.b) base=$(setpci -s "${f##*/}" 1c.b)
		[ $((0x$base & 0xf0)) -gt $((0x$limit & 0xf0)) ] && continue	# shut
		[ $((first)) = $(((0x$base & 0xf0) << 8)) ] && [ $((last)) = $(((0x$limit & 0xf0) << 8 | 0xfff)) ] ||
			echo "${f##*/}: $base $limit, Linux: $first-$last"
	done
}

if [ ! -e $kept.ports ]; then
	ports > $kept.ports
	windows > $kept.windows
	"$top/tests/vm/loaded" true
	$iomul attach --all --windows 1 > $kept.log 2>&1
	answers >> $kept.log 2>&1 && echo "answered" >> $kept.log
	windows > $kept.shared
	[ "$how" = free ] || $identity -t 600 -p 2 0000:02:00 0000:06:00 > $kept.held 2>&1 &
	sleep 2
	image=/boot/vmlinuz-$(uname -r)
	exec python3 "$top/tests/vm/kexec.py" "$image" \
		"$(find "$top/build/lab" -name "initramfs-$(uname -r)-*" -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2)" \
		"$(cat /proc/cmdline)"
fi

echo "the first kernel: $(tail -1 $kept.log)"
check "the slots shared before, and answered" grep -q answered $kept.log
check "that was another configuration" refuses cmp -s $kept.windows $kept.shared
ports > /tmp/ports
windows > /tmp/windows
if [ "$how" = free ]; then
	check "every port is where it was" cmp $kept.ports /tmp/ports
	check "every command register, BAR and window, too" cmp $kept.windows /tmp/windows
else
	check "no port passes on what Linux does not know" [ -z "$(odd_windows)" ]
	odd_windows
	# shellcheck disable=SC2046
	check "every device has ports of its own, and answers" "$identity" -H -n 400 -p 1 \
		$(cd $pci && grep -l 0x10d3 ./*/device | cut -d/ -f2)
fi
"$top/tests/vm/loaded" true
check "they share again" $iomul attach --all
check "and answer" answers
check "every register is as it should be" verified
check "detach" $iomul detach --all
verdict
