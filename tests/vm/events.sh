#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server hotplug, modules loaded: slots go and come while bystanders are
# accessed; a device, a port and a switch, through sysfs, by unplugging, and by surprise.
# usage, as root: events.sh. Ends with "N passed, N failed". See "witnessed -e".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
unplugs

# The card of 01:00 is pulled. Of QEMU's ports the Link Disable bit can't be written; they let
# go of a card when power and power indicator of its slot are switched off, and then say that
# presence changed, if that is enabled (bit 3). To the kernel the power must be on again by
# then, so it is not told before (bits 4 and 5).
pull() {
	setpci -s 00:01.0 CAP_EXP+18.w=0700:0730 CAP_EXP+18.w=0000:0400 CAP_EXP+18.w=0038:0038
}
# The power of its slot alone: it does not answer any more, and nobody is told.
power() { setpci -s 00:01.0 CAP_EXP+18.w="$1":0400; }
surprised() { dmesg | tail -n +"$lines" | grep -q 'pciehp: Slot.*: \(Card not present\|Link Down\)'; }
# Reads through it in the background, and in the middle of that, "$@".
amidst() {
	$identity -t 600 -p 1 0000:01:00 > /tmp/owner 2>&1 & owner=$!
	sleep 1
	"$@"
	wait $owner
}
error_only() { cat /tmp/owner; grep -q "No such device" /tmp/owner && grep -q ": 0 misrouted" /tmp/owner; }
plug() { qmp add e1000e id=nic0,bus=port0,mac=52:54:00:00:00:01 > /dev/null; }

# Linux has placed them itself, and will again when they come back.
for port in 0000:00:01.0 0000:00:04.0; do echo 1 > $pci/$port/remove; done
rescan
cat /proc/ioports > /tmp/before
$iomul monitor > /tmp/monitor & monitor=$!
check "attach" $iomul attach --all
check "all answer" answers
bystanders_start 0000:02:00 0000:03:00
mark begin

event "device removed and found again"
echo 1 > $pci/0000:01:00.0/remove
check "removed device is gone" wait_for gone 0000:01:00
rescan
check "device shares again" wait_for shares 0000:01:00
check "and answers" answers 0000:01:00

event "port removed and found again"
echo 1 > $pci/0000:00:01.0/remove
check "with its port, too" wait_for gone 0000:01:00
rescan
check "port and device share again" wait_for shares 0000:01:00
check "and answer" answers 0000:01:00

event "switch removed and found again"
echo 1 > $pci/0000:00:04.0/remove
check "a switch: first slot gone" wait_for gone 0000:06:00
check "a switch: second slot gone" wait_for gone 0000:07:00
rescan
check "switch: first slot shares again" wait_for shares 0000:06:00
check "switch: second slot shares again" wait_for shares 0000:07:00
check "and they answer" answers 0000:06:00 0000:07:00

event "gates written by others"
check "a device with a foreign gate write" setpci -s 00:03.0 COMMAND=0007:0007
check "which the filter kept out" verified
check "drivers of ports come and go" sh -c 'echo 0000:00:03.0 > /sys/bus/pci/drivers/pcieport/unbind &&
	echo 0000:00:03.0 > /sys/bus/pci/drivers/pcieport/bind'
check "nothing differs from what it should be" verified

event "unplugged and plugged in"
qmp del nic0 > /dev/null
check "unplugged" wait_for is_not_there 0000:01:00.0
check "unplugged slot is gone" wait_for gone 0000:01:00
plug
check "plugged in" wait_for is_there 0000:01:00.0
check "plugged in again, it shares" wait_for shares 0000:01:00
check "and answers" answers 0000:01:00

event "its slot's power cut in the middle of accesses"
memory=$(setpci -s 01:00.0 BASE_ADDRESS_0.l)
check "the owner gets an error" refuses amidst power 0400
check "ENODEV, and nothing invented before it" error_only
power 0000
check "with power again it is put right" wait_for verified
setpci -s 01:00.0 BASE_ADDRESS_0.l="$memory"	# that is not ours to put back
check "and answers" answers 0000:01:00

event "pulled in the middle of accesses"
lines=$(($(dmesg | wc -l) + 1))
check "the owner gets an error" refuses amidst pull
check "ENODEV, and nothing invented before it" error_only
check "it came as a surprise" wait_for surprised
check "and its slot is gone" wait_for gone 0000:01:00
check "nothing differs from what it should be" verified
plug
check "another card: it shares" wait_for shares 0000:01:00
check "and answers" answers 0000:01:00

event "plugged in for the first time"
check "a slot that is not there yet" $iomul attach --future 08:00
qmp add e1000e id=later,bus=port4,mac=52:54:00:00:00:07 > /dev/null
check "shares when it comes" wait_for shares 0000:08:00
check "and answers" answers 0000:08:00

event "one that is larger than the window"
qmp del later > /dev/null
check "unplugged" wait_for gone 0000:08:00
for f in 3 2 1; do qmp add AC97 id=big$f,bus=port4,addr=0.$f > /dev/null; done
qmp add AC97 id=big0,bus=port4,addr=0.0,multifunction=on > /dev/null
check "plugged in" wait_for is_there 0000:08:00.0
check "refused" wait_for told refused 0000:08:00
check "the log says why" sh -c "dmesg | grep 'iomul: 0000:08:00 is there and does not share: error -28, reason 9'"
check "everybody else is as before" verified
qmp del big0 > /dev/null
check "unplugged" wait_for is_not_there 0000:08:00.0

event "afterwards"
check "all that nobody holds still answer" answers 0000:06:00 0000:07:00
check "nothing differs from what it should be" verified
mark end
mkdir -p /run/lab/out
$iomul status --json > /run/lab/out/status.json
bystanders_stop
check "the monitor told of going" told gone 0000:06:00
check "and of coming back" told adopted 0000:06:00
check "detach" $iomul detach --all
check "all have the ports that they had before" diff /tmp/before /proc/ioports
kill $monitor
check "unload the driver" rmmod iomul-vfio-pci
check "unload" rmmod iomul
check "no range is left behind" sh -c '! grep -i iomul /proc/ioports'
verdict
