#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server transparent, modules loaded: a transparent bridge that is plugged in below a port that shares
# finds no room for a window of its own there, and Linux gives what is behind it ports of that port's.
# usage, as root: transparent.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
bridge=0000:05:00.1 behind="0000:06:00.0 0000:06:01.0" beside=0000:05:00.0 others="0000:03:00.0 0000:04:00.0"
# Its ports lie in what the port above has.
in_port() {
	port=$(readlink -f "$pci/$bridge/..")
	awk 'NR == FNR { if (FNR == 14) { first = $1; last = $2 } next } FNR == 1 { exit $1 < first || $2 > last }' \
		"$port/resource" "$pci/$1/resource"
}
has_none() {
	for function in $behind; do
		! has_ports "$function" || return
	done
}
all_have() {
	for function in $behind; do
		has_ports "$function" && in_port "$function" || return
	done
}

check "what is to be plugged in has ports now" all_have
check "remove the bridge, with what is behind it" sh -c "echo 1 > $pci/$bridge/remove"
check "attach the rest" "$iomul" attach --all
check "plug it in" rescan
for function in $behind; do
	check "$function is there" is_there "$function"
	echo 1 > "$pci/$function/enable"
done
check "none has ports of the group's" wait_for has_none
check "who shares answers" answers
for function in $behind; do
	echo 0 > "$pci/$function/enable"
done
for slot in $others; do
	check "$slot leaves" "$iomul" detach "$slot"
	check "none has ports of the group's now" has_none
done
check "who shares still answers" answers
check "every register is as it should be" verified
check "$beside leaves" "$iomul" detach "$beside"
# They would answer the host now, but QEMU's bridge passes nothing on without a window.
check "what was plugged in has ports of its port's" all_have
cat /proc/ioports > /tmp/before
check "all share, some behind a bridge without a window" "$iomul" attach --all
check "all answer" answers
check "every register is as it should be then" verified
for slot in $behind $others $beside; do
	check "$slot leaves, too" "$iomul" detach "$slot"
	check "rescan" rescan
done
check "the ports are as they were" diff /tmp/before /proc/ioports
verdict
