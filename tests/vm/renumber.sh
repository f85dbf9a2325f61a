#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Bus numbers of ports above gates go away and come back, as they do in a rescan with
# pci=assign-busses: a config write is lost then, and a gate would stay open beside another.
#
# usage, as root in shared-bus, modules loaded: renumber.sh [RESCANS]. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
rescans=${1:-60}
port=00:01.0	# above all but some
one=0000:03:00.0 two=0000:04:00.0
gate=02:00.0	# one's own

numbers() { setpci -s $port 18.l; }
take() { setpci -s $port 18.l="$(printf '%x' $((0x$before & 0xff000000)))"; }
give() { setpci -s $port 18.l="$before"; }
# by the byte, as Linux widens a range
narrow() { setpci -s $port 1a.b=02; }
widen() { setpci -s $port 1a.b="$(echo "$before" | cut -c 3-4)"; }
both() { $identity -n 400 -p 1 $one $two; }
says() { "$@" 2>&1 | grep -q "$says"; }

for f in 0000:09:00.0 0000:0b:01.0 0000:0b:02.0; do
	[ ! -e "$pci/$f/driver" ] || echo $f > "$pci/$f/driver/unbind"
done
before=$(numbers)
check "attach" $iomul attach --all --windows 1
check "both answer" both
take
says='Input/output error'
check "numbers gone: an access says so, and reaches nobody" says both
says=' 0 misrouted'
check "nor does it later" refuses sh -c "$identity -n 40 -p 1 $one $two 2>&1 | grep -q must"
check "detach fails" refuses $iomul detach --all
give
check "numbers back: both answer" both
check "and all is as it should be" verified
narrow
says='Input/output error'
check "a range too small: an access says so" says both
widen
check "wide again: both answer" both
(sleep 0.4; give) &
take
check "numbers gone for a while: who asks waits" both
wait
# The gate of the first is in reach, the first is not: it waits until it has the turn back, in vain.
"$top/build/vm/ones" $one $two > /tmp/ones & ones=$!
check "two read" wait_for grep -q reading /tmp/ones
own=$(setpci -s $gate 18.l)
setpci -s $gate 18.l="$(printf '%x' $((0x$own & 0xff000000)))"
sleep 5
setpci -s $gate 18.l="$own"
sleep 1
kill $ones
check "no numbers below its gate: who reads ones never reads another's" wait $ones
cat /tmp/ones

# As Linux does it, over and over, with everybody at work; half of it without a pause, so that the
# numbers are away and back again within what an access does.
bystanders_start 0000:03:00 0000:04:00 0000:07:00 0000:0b:03
rm -f /tmp/leases.stop /tmp/leases
(while [ ! -e /tmp/leases.stop ]; do
	# shellcheck disable=SC2015 # either says what it was
	$iomul lease 05:00 -- true && echo ok || echo refused
	sleep 0.1
done > /tmp/leases 2>&1) & leases=$!
i=0
while [ $i -lt "$rescans" ]; do
	rescan
	i=$((i + 1))
	[ $i -gt $((rescans / 2)) ] || sleep 0.1
done
touch /tmp/leases.stop
wait $leases
event "$rescans rescans"
bystanders_stop
check "there were leases meanwhile" grep -qx ok /tmp/leases
check "each was given" sh -c "! grep -vx ok /tmp/leases"
check "after $rescans rescans all is as it should be" verified
# The module can't be kept from going; it says what stays as it was.
take
check "unload while numbers are gone" sh -c "rmmod iomul-vfio-pci && rmmod iomul"
check "the log names the group" sh -c "dmesg | grep 'iomul: bus numbers above gates of the group of 0000:0.:0. lead elsewhere: not put back'"
give
"$top/lab/scripts/load"
check "loaded and attached again" $iomul attach --all --windows 1
check "both answer again" both
check "and all is as it should be again" verified
check "detach" $iomul detach --all
verdict
