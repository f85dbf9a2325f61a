#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server resets, modules loaded: resets by a guest, by the host and by errors,
# while bystanders are accessed. After each, every register is as it should be.
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
# Linux has placed the switch itself, and will again when it comes back.
echo 1 > $pci/0000:00:05.0/remove
rescan
cat /proc/ioports > /tmp/before

check "attach" $iomul attach --all --windows 1
check "all answer" answers
bystanders_start 0000:03:00 0000:04:00

# A guest that resets, and one that opens and closes.
for slot in 01:00 02:00; do
	$iomul bind $slot > /dev/null
	echo on > $pci/0000:$slot.0/power/control	# waking up would put right what others have spoiled
done
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

# A person with the kernel's ports of configuration space, past the kernel. Until it is noticed two decode,
# which nothing can prevent: nobody accesses meanwhile.
event "gates opened behind the filter"
bystanders_pause
setpci -A intel-conf1 -s 00:01.0 COMMAND=0007:0007
setpci -A intel-conf1 -s 00:02.0 COMMAND=0007:0007
check "noticed" refuses verified
bystanders_resume
check "and put right" wait_for verified
setpci -A intel-conf1 -s 00:03.0 COMMAND=0000:0001
sleep 1
check "a bystander's gate shut: put right by its next access" wait_for verified
check "all answer that nobody holds" answers 0000:01:00 0000:02:00 0000:08:00

# Who alone is at work needs no change of owner, which would open it as well.
event "a gate shut behind its only user"
bystanders_pause
$identity -t 600 -p 1 0000:03:00.0 > /tmp/alone 2>&1 & alone=$!
repairs() { $iomul metrics | awk '/^iomul_group_repairs_total/ { n += $2 } END { print n }'; }
repaired() { [ "$(repairs)" -gt "$before" ]; }
sleep 0.5
for n in 1 2 3; do
	before=$(repairs)
	setpci -A intel-conf1 -s 00:03.0 COMMAND=0000:0001
	check "put right, time $n" wait_for repaired
done
kill $alone
check "he reads on as if nothing had happened" wait $alone
check "$(cat /tmp/alone)" grep -q " 0 misrouted, 0 errors" /tmp/alone
bystanders_resume

# Put to sleep with a wrong BAR: the kernel saves that, and writes it again whenever the device wakes.
event "a wrong BAR sleeps"
power=$pci/0000:01:00.0/power
ports=$(setpci -s 01:00.0 BASE_ADDRESS_2.l)
bystanders_pause
setpci -A intel-conf1 -s 01:00.0 BASE_ADDRESS_2.l=1
echo auto > $power/control
check "it sleeps" wait_for grep -q suspended $power/runtime_status
bystanders_resume
check "noticed" refuses verified
check "and put right" wait_for verified
check "for good" verified
echo on > $power/control
check "its ports are where they were" [ "$(setpci -s 01:00.0 BASE_ADDRESS_2.l)" = "$ports" ]

# Errors, injected by QEMU; the kernel recovers. It reports those of ports only, with SERR on.
# No QEMU up to 11.1 has Downstream Port Containment. For the devices it comes to the same as a
# fatal error that a port above them reports: the link is reset, then what has a driver is restored.
serr_on() {
	for port in 00:01.0 00:05.0 05:00.0; do
		setpci -s $port COMMAND=100:100
		setpci -s $port BRIDGE_CONTROL=2:2
	done
}
# NAME PORT ERROR WHAT: the kernel is told, and says that recovery was WHAT.
inject() {
	event "error: $1"
	serr_on
	from_here
	qmp hmp "pcie_aer_inject_error $2 $3" > /tmp/aer.out 2>&1
	check "$1: the kernel is told" wait_for logged "AER: .*error"
	check "$1: recovery $4" wait_for logged "AER: device recovery $4"
}
memory_07=$(setpci -s 07:00.0 BASE_ADDRESS_0.l) memory_08=$(setpci -s 08:00.0 BASE_ADDRESS_0.l)

# Linux, with sharers or without: recovery fails if a device has no driver, or one that knows no errors.
for slot in 07:00 08:00; do $iomul bind $slot > /dev/null; done
inject "non-fatal, of a root port" port0 COMP_TIME successful
inject "fatal, of a root port" port0 DLP successful
inject "its link went down, a root port says" port0 SDN successful
inject "non-fatal, of a switch" up0 COMP_TIME successful
check "after them: every register is as it should be, or put right" wait_for verified
inject "fatal, of a switch" up0 DLP successful
check "after that: every register is as it should be, or put right" wait_for verified
for slot in 01:00 07:00 08:00; do $iomul unbind $slot > /dev/null; done	# or 07:00 and 08:00 sleep
setpci -s 01:00.0 BASE_ADDRESS_0.l="$bar"
setpci -s 07:00.0 BASE_ADDRESS_0.l="$memory_07"
setpci -s 08:00.0 BASE_ADDRESS_0.l="$memory_08"
check "they answer afterwards" answers 0000:01:00 0000:02:00 0000:07:00 0000:08:00

inject "fatal, of a switch whose devices have no driver" up0 DLP failed
dmesg | grep -e "AER: .*recovery" -e "AER: .*error received"
# Nobody restores the switch then: it is found again.
echo 1 > $pci/0000:00:05.0/remove
rescan
check "the switch after that: its slots share" sh -c "sleep 1; $iomul status | grep -c unplugged | grep -qx 0"
check "and answer" answers 0000:07:00 0000:08:00
check "every register is as it should be" verified

bystanders_stop
check "unbind" $iomul unbind 02:00
check "detach" $iomul detach --all
check "resources as before the attach" diff /tmp/before /proc/ioports
verdict
