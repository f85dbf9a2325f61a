#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server plugs, modules loaded: a device that is not selected and needs more
# ports than its port has is plugged in, when sharing has taken all that was free and when it
# left some (--reserve); and one that is selected, and is larger than the window.
# usage, as root: reserve.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
unplugs

# Four functions, of 1,280 ports each.
plug() {
	for f in 3 2 1; do qmp add AC97 id=big$f,bus=port10,addr=0.$f > /dev/null; done
	qmp add AC97 id=big0,bus=port10,addr=0.0,multifunction=on > /dev/null
	wait_for is_there $big.0
}
unplug() { slot_off $big; }
# I/O BARs of it that have ports, of eight.
with_ports() { cat $pci/$big.?/resource | awk '$3 ~ /101$/' | wc -l; }
all_have() { [ "$(with_ports)" = 8 ]; }
some_starve() { sleep 2; [ "$(with_ports)" -lt 8 ]; }
none_has() { sleep 1; [ "$(with_ports)" = 0 ]; }
# Ports of the functions that share.
placed() { for n in 1 2 3 4 5 6 7 8 9 a; do awk '$3 ~ /101$/' $pci/0000:0$n:00.0/resource; done; }
as_placed() { placed | cmp - /tmp/placed; }
big=0000:0b:00

cat /proc/ioports > /tmp/before
check "attach, with as many windows as are useful" $iomul attach --all --windows auto
placed > /tmp/placed
bystanders_start 0000:02:00 0000:03:00
event "plugged in when nothing is free"
check "larger than its port's window" plug
check "some of it has no ports" some_starve
check "everybody else is as before" verified
# Linux has taken the port's window away by now: at the next device that asks for one it gives up
# all windows of the root bus, and assigns them anew.
check "unplug" unplug
# For a moment none of these functions can be enabled, so those that are enabled go on.
bystanders_pause
$identity -t 8 -p 1 0000:02:00 0000:03:00 > /tmp/long 2>&1 & long=$!
sleep 1
check "plugged in where there is no window, and nothing is free: the same device again" plug
check "it has no ports" none_has
check "who is at work notices nothing" wait $long
check "and never met a wrong device, nor an error" grep ": 0 misrouted, 0 errors" /tmp/long
bystanders_resume
check "everybody else is as before" verified
check "and where Linux has them, too" wait_for as_placed
event "unplugged"
check "unplug" unplug
bystanders_stop
check "all answer" answers
check "detach" $iomul detach --all

check "attach, and leave two windows free" $iomul attach --all --windows auto --reserve 2
bystanders_start 0000:02:00 0000:03:00
event "plugged in when two windows are free"
check "the same device" plug
check "all of it has ports" wait_for all_have
check "everybody else is as before" verified
event "unplugged again"
check "unplug" unplug
bystanders_stop
check "all answer" answers
check "detach" $iomul detach --all
# Linux has given the port of what was plugged in another window.
others() { grep -v "0000:0b" "$1"; }
others /tmp/before > /tmp/before.others
others /proc/ioports > /tmp/after.others
check "resources of all others as before" cmp /tmp/before.others /tmp/after.others

check "attach with one window, and what is to come" $iomul attach --all
check "a slot that is not there yet" $iomul attach --future 0b:00
check "the same device, selected" plug
check "is larger than the window: the log says so" wait_for sh -c \
	"dmesg | grep 'iomul: $big is there and does not share: error -28, reason 9'"
check "everybody else is as before" verified
check "all answer" answers
check "detach" $iomul detach --all
verdict
