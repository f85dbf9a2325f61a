#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the server: what of the modules the ABI's tests, the sweeps' calls and random calls
# reach; files for kcov-report in /run/lab/out.
top=$(cd "$(dirname "$0")/../.." && pwd)
export KCOV_DIR=/run/lab/out
[ -e /dev/iomul ] || "$top/lab/scripts/load" || exit 1
set --
for path in /sys/bus/pci/devices/*; do
	[ "$(cat "$path/device")" = 0x10d3 ] && set -- "$@" "${path##*/}"
done
covered() { LD_PRELOAD=$top/build/debug/kcov.so "$@" || echo "failed: $*"; }
covered "$top/build/vm/abi"
"$top/build/iomul" attach --all --windows 1
covered "$top/build/vm/identity" -n 4000 -p 2
covered "$top/build/iomul" status --verify
covered "$top/build/iomul" detach "$1"
covered "$top/build/iomul" attach "$1"
first=$("$top/tests/debug/vfio-bind" "$1") && second=$("$top/tests/debug/vfio-bind" "$2") || exit 1
covered "$top/build/vm/vfio" "$1" "$2"
covered sh -c "echo 1 > /sys/bus/pci/devices/$3/remove; echo 1 > /sys/bus/pci/rescan"
covered "$top/build/debug/fuzz" -s 1 -n 1500 -p 2 -v "$first" "$@"
covered "$top/build/iomul" detach --all
: "$second"
