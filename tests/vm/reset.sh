#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server resets, modules loaded: resets by a guest, by the host and by errors,
# power states, while bystanders are accessed. After each, every register is as it should be.
# usage, as root: reset.sh [TIMES]	(20). Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
times=${1:-20}
reset=$top/tests/vm/reset.py

logged() { dmesg | tail -n +"$lines" | grep -q "$1"; }
from_here() { lines=$(($(dmesg | wc -l) + 1)); }
sysfs_reset() { echo 1 > "$pci/$1/reset"; }
serial=

# The host's driver of serial ports uses them.
for f in "$pci"/0000:*/driver/; do
	f=${f%/driver/}
	[ "$(basename "$(readlink -f "$f/driver")")" = serial ] && echo "${f##*/}" > "$f/driver/unbind"
done
cat /proc/ioports > /tmp/before

check "attach" $iomul attach --all --windows 1
check "all answer" answers
bystanders_start 0000:03:00 0000:04:00

# A guest that resets, and one that opens and closes.
for slot in 01:00 02:00; do $iomul bind $slot > /dev/null; done
event "function level resets by a guest"
check "$times resets through VFIO" $reset flr "$times" 0000:01:00.0 0000:02:00.0
check "after them: every register" verified
event "opened and closed by a guest"
check "$times times opened and closed" $reset open "$times" 0000:01:00.0
event "hot reset of a bus with one sharer"
check "$times hot resets of a slot's bus" $reset hot "$times" 0000:01:00.0
check "after them: every register" verified
for f in "$pci"/0000:*; do
	[ "$(cat "$f/vendor" "$f/device" | tr '\n' ' ')" = "0x1b36 0x0002 " ] || continue
	serial="$serial ${f##*/}"
done
# shellcheck disable=SC2086
for f in $serial; do $iomul bind "${f%.0}" > /dev/null; done
event "hot reset of a bus with several sharers"
# Its group is for VFIO when no host driver is on the bridge either.
bridge=$(basename "$(readlink -f "$pci/${serial##* }/..")")
echo "$bridge" > "$pci/$bridge/driver/unbind"
# shellcheck disable=SC2086
check "$times hot resets of a bus with sharers side by side:$serial" $reset hot "$times" $serial
check "after them: every register" verified
# shellcheck disable=SC2086
check "and they answer" answers $serial

# By the host.
event "reset by the host"
for f in 0000:01:00.0 0000:02:00.0; do
	check "reset of $f through sysfs" sysfs_reset $f
	check "every register is as it should be" verified
	check "it answers" answers ${f%.0}
done

# The link below a port is reset behind everybody's back: the device comes up without BARs.
event "link of a port reset by hand"
bar=$(setpci -s 01:00.0 BASE_ADDRESS_0.l)
setpci -s 00:01.0 BRIDGE_CONTROL=40:40
sleep 0.1
setpci -s 00:01.0 BRIDGE_CONTROL=0:40
sleep 0.2
check "noticed" refuses verified
check "and put right" wait_for verified
setpci -s 01:00.0 BASE_ADDRESS_0.l="$bar"	# its memory is not ours to put back
check "the device answers" answers 0000:01:00

# A person with the kernel's ports of configuration space, past the kernel.
event "gates opened behind the filter"
setpci -A intel-conf1 -s 00:01.0 COMMAND=0007:0007
setpci -A intel-conf1 -s 00:02.0 COMMAND=0007:0007
check "noticed" refuses verified
check "and put right" wait_for verified
setpci -A intel-conf1 -s 00:03.0 COMMAND=0000:0001
sleep 1
check "a bystander's gate shut: put right by its next access" wait_for verified
check "all answer that nobody holds" answers 0000:01:00 0000:02:00 0000:08:00

# Errors, injected by QEMU; the kernel recovers. It reports those of ports only, with SERR on.
for port in 00:01.0 00:05.0 05:00.0; do
	setpci -s $port COMMAND=100:100
	setpci -s $port BRIDGE_CONTROL=2:2
done
for error in "non-fatal, of a root port:port0 COMP_TIME" "fatal, of a root port:port0 DLP" \
	"non-fatal, of a switch:up0 COMP_TIME" "fatal, of a switch:up0 DLP"; do
	event "error, ${error%%:*}"
	from_here
	qmp hmp "pcie_aer_inject_error ${error#*:}" > /tmp/aer.out 2>&1
	check "${error%%:*}: the kernel is told" wait_for logged "AER: .*error"
	sleep 2
	[ "$error" = "fatal, of a switch:up0 DLP" ] ||
		check "${error%%:*}: every register is as it should be, or put right" wait_for verified
done
dmesg | grep -e "AER: .*recovery" -e "AER: .*error received" -e "device recovery"
$iomul unbind 01:00 > /dev/null	# or it sleeps, and does not answer through its memory
setpci -s 01:00.0 BASE_ADDRESS_0.l="$bar"
check "they answer afterwards" answers 0000:01:00 0000:02:00
# Nobody restores the switch, because its devices have no driver: it is found again.
echo 1 > $pci/0000:00:05.0/remove
rescan
check "the switch after that: its slots share" sh -c "sleep 1; $iomul status | grep -c unplugged | grep -qx 0"
check "and answer" answers 0000:07:00 0000:08:00
check "every register is as it should be" verified

# D3hot and back: by hand, and the port's own runtime power management.
event "D3hot"
check "device in D3hot" setpci -s 02:00.0 CAP_PM+4.b=3:3
check "and back" setpci -s 02:00.0 CAP_PM+4.b=0:3
check "every register is as it should be, or put right" wait_for verified
check "it answers" answers 0000:02:00
event "runtime power management"
for f in 0000:02:00.0 0000:00:02.0; do echo auto > $pci/$f/power/control; done
echo 0 > $pci/0000:00:02.0/power/autosuspend_delay_ms 2> /dev/null
sleep 1
echo "runtime status: device $(cat $pci/0000:02:00.0/power/runtime_status), port $(cat $pci/0000:00:02.0/power/runtime_status)"
check "every register is as it should be while it may sleep" verified
check "claimed, it is awake and answers" answers 0000:02:00
for f in 0000:02:00.0 0000:00:02.0; do echo on > $pci/$f/power/control; done
check "every register is as it should be afterwards" verified

bystanders_stop
check "unbind" $iomul unbind 02:00
check "detach" $iomul detach --all
# What was found again while it shared got other windows.
others() { grep -v -e ' 0000:0[5-8]' "$1"; }
others /tmp/before > /tmp/before.others
others /proc/ioports > /tmp/after.others
check "resources as before the attach" cmp /tmp/before.others /tmp/after.others
verdict
