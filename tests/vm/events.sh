#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server hotplug, modules loaded: slots go and come while bystanders are
# accessed; a device, a port and a switch, through sysfs and by unplugging.
# usage, as root: events.sh. Ends with "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=$top/build/iomul
identity=$top/build/vm/identity
pci=/sys/bus/pci/devices
passed=0 failed=0

check() {
	what=$1
	shift
	if "$@" > /tmp/check.out 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok - $what"
		tail -5 /tmp/check.out
	fi
}

slot_state() { $iomul status --json | python3 -c 'import json,sys
for s in json.load(sys.stdin)["slots"]:
    if s["slot"] == sys.argv[1]:
        print(json.dumps(s))' "$1"; }
shares() { slot_state "$1" | grep -q '"unplugged": false'; }
gone() { slot_state "$1" | grep -q '"unplugged": true'; }
answers() { $identity -n 400 -p 2 "$@"; }
verified() { $iomul status --verify; }
wait_for() {
	n=0
	until "$@"; do
		n=$((n + 1))
		[ $n -lt 30 ] || return 1
		sleep 0.1
	done
}
is_there() { [ -e "$pci/$1" ]; }
is_not_there() { ! is_there "$1"; }
told() { grep -q "$1 *$2" /tmp/monitor; }

cat /proc/ioports > /tmp/before
od -v -tx1 $pci/0000:00:0*/config > /tmp/config.before
$iomul monitor > /tmp/monitor & monitor=$!
check "attach" $iomul attach --all
check "all answer" answers

# Bystanders at work all the time, in bounded portions.
(while [ ! -e /tmp/stop ]; do $identity -n 2000 -p 1 0000:02:00 0000:03:00 || echo bad; done) \
	> /tmp/bystanders 2>&1 & bystanders=$!

echo 1 > $pci/0000:01:00.0/remove
check "removed device is gone" wait_for gone 0000:01:00
echo 1 > /sys/bus/pci/rescan
check "device shares again" wait_for shares 0000:01:00
check "and answers" answers 0000:01:00

echo 1 > $pci/0000:00:01.0/remove
check "with its port, too" wait_for gone 0000:01:00
echo 1 > /sys/bus/pci/rescan
check "port and device share again" wait_for shares 0000:01:00
check "and answer" answers 0000:01:00

echo 1 > $pci/0000:00:04.0/remove
check "a switch: first slot gone" wait_for gone 0000:06:00
check "a switch: second slot gone" wait_for gone 0000:07:00
echo 1 > /sys/bus/pci/rescan
check "switch: first slot shares again" wait_for shares 0000:06:00
check "switch: second slot shares again" wait_for shares 0000:07:00
check "and they answer" answers 0000:06:00 0000:07:00

qmp del nic0 > /dev/null
check "unplugged" wait_for is_not_there 0000:01:00.0
check "unplugged slot is gone" wait_for gone 0000:01:00
qmp add e1000e id=nic0,bus=port0,mac=52:54:00:00:00:01 > /dev/null
check "plugged in" wait_for is_there 0000:01:00.0
check "plugged in again, it shares" wait_for shares 0000:01:00
check "and answers" answers 0000:01:00

check "a slot that is not there yet" $iomul attach --future 08:00
qmp add e1000e id=later,bus=port4,mac=52:54:00:00:00:07 > /dev/null
check "shares when it comes" wait_for shares 0000:08:00
check "a device with a foreign gate write" setpci -s 00:03.0 COMMAND=0007:0007
check "which the filter kept out" verified
check "drivers of ports come and go" sh -c 'echo 0000:00:03.0 > /sys/bus/pci/drivers/pcieport/unbind &&
	echo 0000:00:03.0 > /sys/bus/pci/drivers/pcieport/bind'
check "and all that nobody holds still answer" answers 0000:01:00 0000:06:00 0000:07:00 0000:08:00
check "nothing differs from what it should be" verified

touch /tmp/stop
wait $bystanders
check "bystanders never met a wrong device" sh -c '! grep -v ": 0 misrouted, 0 errors" /tmp/bystanders'
echo "bystanders: $(wc -l < /tmp/bystanders) portions of 2000 accesses"
check "the monitor told of going" told gone 0000:06:00
check "and of coming back" told adopted 0000:06:00
check "detach" $iomul detach --all
kill $monitor
check "unload the driver" rmmod iomul-vfio-pci
check "unload" rmmod iomul
check "no range is left behind" sh -c '! grep -i iomul /proc/ioports'
echo "$passed passed, $failed failed"
[ $failed = 0 ]
