#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the server: sweeps over the allocations of every call, with two e1000e.
top=$(cd "$(dirname "$0")/../.." && pwd)
[ -e /proc/self/fail-nth ] || { echo "skipped failnth: this kernel has no CONFIG_FAULT_INJECTION"; exit 77; }
# Allocations that may sleep fail too, and single pages; a stack for each says nothing.
for kind in /sys/kernel/debug/fail*; do
	[ -e "$kind/verbose" ] && echo 0 > "$kind/verbose"
	[ -e "$kind/ignore-gfp-wait" ] && echo N > "$kind/ignore-gfp-wait"
	[ -e "$kind/min-order" ] && echo 0 > "$kind/min-order"
done
set --
for path in /sys/bus/pci/devices/*; do
	[ "$(cat "$path/device")" = 0x10d3 ] && set -- "$@" "${path##*/}"
done
"$top/build/debug/try" attach "$1"
vfio=$("$top/tests/debug/vfio-bind" "$1") || exit 1
"$top/build/debug/try" detach "$1"
"$top/build/debug/failnth" "$1" "$2" "$vfio" || exit 1
rmmod iomul-vfio-pci || exit 1
exec "$top/build/debug/failnth" -m "$top/build/kmod/$(uname -r)/iomul.ko" "$1" "$2"
