#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server resets, started with --append pcie_port_pm=force, modules loaded: ports
# and devices that sleep, while bystanders are accessed.
# usage, as root: sleep.sh. Ends with "N passed, N failed".
#
# QEMU's PCIe ports have no power management capability: to Linux they sleep, but they go on as
# before. Its devices in D3hot do not answer from QEMU 10 on.
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

status() { cat "$pci/$1/power/runtime_status"; }
asleep() { [ "$(status "$1")" = suspended ]; }
awake() { [ "$(status "$1")" = active ]; }
control() { for f in 0000:02:00.0 0000:00:02.0; do echo "$1" > $pci/$f/power/control; done; }

check "attach" $iomul attach --all --windows 1
check "all answer" answers
bystanders_start 0000:03:00 0000:04:00

event "D3hot by hand, in the middle of accesses"
$identity -t 4 -p 1 0000:02:00 > /tmp/asleep 2>&1 & owner=$!
sleep 1
check "a device in D3hot" setpci -s 02:00.0 CAP_PM+4.b=3:3
sleep 1
check "and back" setpci -s 02:00.0 CAP_PM+4.b=0:3
wait $owner
check "it answers as itself or not at all" grep ": 0 misrouted" /tmp/asleep
tail -1 /tmp/asleep
check "every register is as it should be, or put right" wait_for verified
check "it answers" answers 0000:02:00

event "D3hot, and ones"
# IOADDR of an e1000e keeps ones, also in QEMU's D3hot: are they the device's, or nobody's?
repairs() { $iomul metrics | awk '/^iomul_group_repairs_total/ { n += $2 } END { print n }'; }
ones() { [ "$("$top/build/debug/try" ones 02:00)" = "$1" ]; }
check "ones that a device keeps" ones ok
n=$(repairs)
setpci -s 02:00.0 CAP_PM+4.b=3:3
check "of one that sleeps nobody knows whose they are" ones EIO
check "but for it nothing of the group is written again" [ "$(repairs)" = "$n" ]
setpci -s 02:00.0 CAP_PM+4.b=0:3
check "and back: they are its own" ones ok

event "runtime power management"
check "it is the owner" answers 0000:02:00
control auto
check "nobody uses it: its port sleeps" wait_for asleep 0000:00:02.0
check "somebody else becomes the owner" answers 0000:01:00
check "the port sleeps on" asleep 0000:00:02.0
check "to look at its registers wakes it, and they are as they should be" verified
check "it sleeps again" wait_for asleep 0000:00:02.0
$identity -t 4 -p 1 0000:02:00 > /tmp/awake 2>&1 & owner=$!
sleep 1
check "claimed, it is awake" awake 0000:00:02.0
check "and stays so while it is accessed" wait $owner
check "it answered" grep ": 0 misrouted, 0 errors" /tmp/awake
check "nobody uses it: it sleeps" wait_for asleep 0000:00:02.0

event "detached while it sleeps"
check "detach" $iomul detach 02:00
check "attach" $iomul attach 02:00
check "it answers" answers 0000:02:00
control on
check "every register is as it should be afterwards" verified
bystanders_stop
check "detach" $iomul detach --all
verdict
