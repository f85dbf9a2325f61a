#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rule 6 in turns, as the module counts them: of K processes that hammer a group nobody
# is passed more than (K - 1) x (burst + 1) times while he waits.
#
# usage, as root, in switch8 or nics24: turns.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
burst=/sys/module/iomul/parameters/burst
contend=$top/build/bench/contend
nics=$(for path in "$pci"/*; do [ "$(cat "$path/device")" = 0x10d3 ] && echo "${path##*/}"; done)

# The most turns of others during one wait, of all slots.
most() {
	$iomul status --json | python3 -c 'import json, sys
print(max(s["wait_most_passed"] for s in json.load(sys.stdin)["slots"]))'
}

# hammer BURST K: with counters that begin at 0
hammer() {
	echo "$1" > $burst
	# shellcheck disable=SC2086 # a list
	$iomul attach --windows 1 $nics || return 1
	# shellcheck disable=SC2046,SC2086 # lists
	$contend 1 2 8 $(echo $nics | cut -d' ' -f "1-$2")
	most=$(most)
	$iomul detach --all
}

# shellcheck disable=SC2086 # a list
check "attach" $iomul attach --windows 1 $nics
check "nobody waited, nobody was passed" [ "$(most)" = 0 ]
check "detach" $iomul detach --all
for b in 0 4 16; do
	for k in 2 8; do
		hammer $b $k
		bound=$(((k - 1) * (b + 1)))
		check "burst $b, $k processes: somebody waited" [ "$most" -gt 0 ]
		check "burst $b, $k processes: passed $most times at most, bound $bound" [ "$most" -le $bound ]
	done
done
# What the bound is good for: a larger burst is made use of, and would be noticed above.
hammer 100 2
check "burst 100, 2 processes: passed $most times, more than with 16" [ "$most" -gt 17 ]
check "and no more than its bound" [ "$most" -le 101 ]
echo 16 > $burst
verdict
