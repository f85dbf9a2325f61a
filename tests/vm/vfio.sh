#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The variant driver as a VFIO user sees it: tests/vm/vfio.c on two e1000e that share, and in stacked an AC97 and a qxl.
#
# usage, as root in tiny or stacked, modules loaded: vfio.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2046 # a list
set -- $(for path in "$pci"/*; do [ "$(cat "$path/device")" = 0x10d3 ] && echo "${path##*/}"; done)
[ $# -ge 2 ] || { echo "vfio.sh: want two e1000e"; exit 1; }
# shellcheck disable=SC2046 # a list
set -- "$1" "$2" $(for path in "$pci"/*; do
	case $(cat "$path/device") in 0x2415) echo "-a ${path##*/}" ;; 0x0100) echo "-q ${path##*/}" ;; esac
done)
check "attach" $iomul attach --all --windows 1
# shellcheck disable=SC2046 # a list
check "bind" $iomul bind $(printf '%s\n' "$@" | grep :)
check "as a user sees it" "$top/build/vm/vfio" "$@"
tail -12 /tmp/check.out
check "all is as it should be" verified
verdict
