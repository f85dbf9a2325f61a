#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the server: sweeps over the allocations of every call, with two e1000e.
top=$(cd "$(dirname "$0")/../.." && pwd)
set --
for path in /sys/bus/pci/devices/*; do
	[ "$(cat "$path/device")" = 0x10d3 ] && set -- "$@" "${path##*/}"
done
exec "$top/build/debug/failnth" "$1" "$2"
