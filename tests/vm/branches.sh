#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rule 4 where all that shares behind a switch leaves at once, but for one slot and the lender.
# For a server with a switch, or switches below one, modules loaded, as root.
# branches.sh [rescan|replaced|plugged|newcomers]: the kernel looks for ports in between; or the devices are others by
# then, found by a rescan of all or of their bus, as with hot-plug; or all are before anything else is done.
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
replaced() {
	for slot; do
		echo 1 > "$pci/$slot.0/remove"
	done
	[ "$mode" = plugged ] || set --
	for slot; do
		echo 1 > "/sys/class/pci_bus/${slot%:*}/rescan"
	done
	[ $# != 0 ] || rescan
}
looked() {
	[ "$mode" != rescan ] || rescan
}
# Windows of ports, as the hardware has them.
windows() {
	lspci -D -d ::0604 | while read -r port _; do
		setpci -s "$port" IO_BASE.w IO_BASE_UPPER16 IO_LIMIT_UPPER16 | tr "\n" " "
		echo "$port"
	done
}
enabled() {
	echo 1 > "$pci/$1.0/enable" && echo 0 > "$pci/$1.0/enable"
}
mode=${1:-}
case $mode in replaced | plugged | newcomers) others=yes ;; *) others=no ;; esac

cat /proc/ioports > /tmp/before
windows > /tmp/windows-before
$iomul attach --all || exit 1
# A line for each switch, by depth: its slots, but for the one whose own ports carry the group.
$iomul status --json | python3 -c 'import json, os, sys
switches = {}
for s in json.load(sys.stdin)["slots"]:
    path = os.path.realpath("/sys/bus/pci/devices/" + s["slot"] + ".0").split("/")
    switches.setdefault((len(path), path[-3]), []).extend([] if s["lender"] else [s["slot"]])
for _, slots in sorted(switches.items(), reverse=True):
    print(*slots)' > /tmp/switches
nearer=$(tail -1 /tmp/switches | cut -d ' ' -f 1)
sed "s/$nearer *//; /^$/d" /tmp/switches > /tmp/deeper
all=$(tr "\n" " " < /tmp/deeper)
if [ "$mode" = newcomers ]; then
	# shellcheck disable=SC2086 # a list
	check "$all leave" "$iomul" detach $all
	# shellcheck disable=SC2086
	replaced $all
	: > /tmp/deeper
fi
while read -r slots; do
	# shellcheck disable=SC2086 # a list
	set -- $slots
	check "all of $slots leave" "$iomul" detach "$@"
	for slot in "$@"; do
		check "$slot can be enabled for its memory" enabled "$slot"
	done
	looked
	[ "$others" = no ] || replaced "$@"
	if [ "$mode" = plugged ]; then
		check "what is there instead shares" "$iomul" attach "$@"
		check "and leaves" "$iomul" detach "$@"
	fi
	check "$nearer leaves" "$iomul" detach "$nearer"
	looked
	check "a plan says that $nearer can come back" "$iomul" plan "$nearer"
	check "$nearer comes back while $slots are away" "$iomul" attach "$nearer"
	for slot in "$@"; do
		check "$slot can be enabled, somebody else came back" enabled "$slot"
	done
	check "accesses while $slots are away" "$identity" -n 300 -p 2
	check "$1 comes back alone" "$iomul" attach "$1"
	check "$1 leaves alone" "$iomul" detach "$1"
	[ "$others" = no ] || replaced "$@"
	looked
done < /tmp/deeper
check "detach --all" "$iomul" detach --all
if [ $others = yes ]; then
	for slot in $all; do
		check "$slot has ports" has_ports "$slot.0"
	done
else
	check "the ports are as they were" diff /tmp/before /proc/ioports
	windows > /tmp/windows-after
	check "in hardware, too" diff /tmp/windows-before /tmp/windows-after
fi
check "iomul-vfio-pci goes" rmmod iomul-vfio-pci
check "iomul goes" rmmod iomul
verdict
