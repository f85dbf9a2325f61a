#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server hotplug, modules loaded: slots go and come while bystanders are
# accessed; a device, a port and a switch, through sysfs, by unplugging, and by surprise.
# usage, as root: events.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

# The slot of 01:00 loses its power at once, as if the card were pulled. QEMU tells nobody
# that the link went down, so the kernel has to be told.
pull() { setpci -s 00:01.0 CAP_EXP+18.w=0700:0700; }
plug() { qmp add e1000e id=nic0,bus=port0,mac=52:54:00:00:00:01 > /dev/null; }

cat /proc/ioports > /tmp/before
$iomul monitor > /tmp/monitor & monitor=$!
check "attach" $iomul attach --all
check "all answer" answers
bystanders_start 0000:02:00 0000:03:00

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

event "pulled in the middle of accesses"
$identity -t 600 -p 1 0000:01:00 > /tmp/owner 2>&1 & owner=$!
sleep 1
pull
wait $owner
check "the owner gets an error" [ $? != 0 ]
check "ENODEV, and nothing invented before it" sh -c 'cat /tmp/owner; grep -q "No such device" /tmp/owner &&
	grep -q ": 0 misrouted" /tmp/owner'
echo 1 > $pci/0000:01:00.0/remove
check "and its slot is gone" wait_for gone 0000:01:00

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

event "afterwards"
check "all that nobody holds still answer" answers 0000:06:00 0000:07:00
check "nothing differs from what it should be" verified
bystanders_stop
check "the monitor told of going" told gone 0000:06:00
check "and of coming back" told adopted 0000:06:00
check "detach" $iomul detach --all
kill $monitor
check "unload the driver" rmmod iomul-vfio-pci
check "unload" rmmod iomul
check "no range is left behind" sh -c '! grep -i iomul /proc/ioports'
verdict
