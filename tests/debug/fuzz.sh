#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the server: random calls on /dev/iomul and on VFIO devices: an e1000e, an AC97.
#
# usage: fuzz.sh [CALLS [SEED [SECONDS]]]: of each of four processes; 0 seconds: no limit
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
calls=${1:-20000}
seed=${2:-$(date +%s)}
seconds=${3:-0}
[ -e /dev/iomul ] || "$top/lab/scripts/load" || exit 1
set --
for path in /sys/bus/pci/devices/*; do
	[ "$(cat "$path/device")" = 0x10d3 ] && set -- "$@" "${path##*/}"
done
[ $# -ge 2 ] || { echo "fuzz.sh: want two e1000e"; exit 1; }
audio=$(for path in /sys/bus/pci/devices/*; do [ "$(cat "$path/device")" = 0x2415 ] && echo "${path##*/}"; done)
bound=''
for vfio in "$1" $audio; do
	"$top/build/debug/try" attach "$vfio" || exit 1
	bound="$bound -v $("$top/tests/debug/vfio-bind" "$vfio")" || exit 1
done
# shellcheck disable=SC2086 # a list
exec "$top/build/debug/fuzz" -s "$seed" -n "$calls" -t "$seconds" -p 4 $bound "$@"
