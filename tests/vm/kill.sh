#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server switch8, modules loaded: processes killed in the middle of accesses
# while two bystanders are accessed.
# usage, as root: kill.sh [KILLS]	(1000). Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

$iomul attach --all --windows 1 || exit 1
slots=$($iomul status | awk '$2 ~ /^[0-9a-f]+:[0-9a-f]+$/ { print "0000:" $2 }')
# shellcheck disable=SC2046
set -- "${1:-1000}" $(echo "$slots" | head -6)
kills=$1
shift
# shellcheck disable=SC2046
bystanders_start $(echo "$slots" | tail -2)
functions=
for slot; do functions="$functions $slot.0"; done
event "$kills processes killed"
# shellcheck disable=SC2086
check "each leaves its function free, and nobody waits for the dead" "$top/build/vm/kill" -k "$kills" $functions
cat /tmp/check.out

# A waiter: the window is another one's for as long as it takes.
event "a lease"
set -- $slots
$iomul lease "$2" > /dev/null & lease=$!
check "lease" wait_for leased "$2"
$identity -n 100 -p 1 "$1" > /dev/null 2>&1 & waiter=$!
sleep 1
check "it waits" kill -0 $waiter
kill -KILL $waiter
wait $waiter 2> /dev/null
sleep 0.3
check "killed, it is gone and has given its function back" sh -c "$iomul status | grep ' ${1#0000:} ' | grep -q ' 0  *- '"
kill $lease
wait $lease
BOUND_MS=999999	# the lease let them wait
bystanders_stop
check "all answer" answers
check "every register is as it should be" verified
check "detach" $iomul detach --all
check "unload" sh -c "rmmod iomul-vfio-pci && rmmod iomul"
verdict
