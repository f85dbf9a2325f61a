#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server switch8, modules loaded: what is plugged in below a port that shares, and does
# not share, decodes nothing beside those who do; nor does who shared and does no more.
# usage, as root: guard.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
new=0000:0a:00.0
port=$(readlink -f $pci/$new | sed 's|.*/\([^/]*\)/[^/]*$|\1|')

# I/O Space Enable past the kernel, which must not access config space meanwhile; and as the kernel shows it.
hardware() {
	[ -e /tmp/bystanders.stop ] || bystanders_pause
	echo $((0x$(setpci -A intel-conf1 -s "$1" COMMAND) & 1))
	bystanders_resume
}
shown() { echo $((0x$(setpci -s "$1" COMMAND) & 1)); }
off() { [ "$(hardware $new)$(hardware "$port")" = 00 ]; }
on() { [ "$(hardware $new)$(hardware "$port")" = 11 ]; }
seems_on() { [ "$(shown $new)$(shown "$port")" = 11 ]; }
enable() { echo 1 > $pci/$new/enable; }
others() { for n in 5 6 7 8; do echo 0000:0$n:00.0; done; }
# Each line of the tree of ports lies in the one that it is indented below.
nested() {
	python3 - <<-'EOF'
		import sys
		above = []
		for line in open("/proc/ioports"):
		    depth = (len(line) - len(line.lstrip())) // 2
		    first, last = (int(n, 16) for n in line.split()[0].split("-"))
		    del above[depth:]
		    if above and not above[-1][0] <= first <= last <= above[-1][1]:
		        sys.exit(line)
		    above.append((first, last))
	EOF
}
# shellcheck disable=SC2046 # a list
answer_others() { answers $(others); }

check "remove a port of the switch, with what is behind it" sh -c "echo 1 > $pci/$port/remove"
check "attach the rest" $iomul attach --all
bystanders_start 0000:03:00 0000:04:00 0000:09:00
event "found, enabled, attached and detached"
file=$pci/$new/resource2
file_gone() { ! [ -e "$file" ]; }
check "find it again" rescan
check "it is there" is_there $new
check "enable it, as a driver does" enable
check "neither it nor its port is on" off
check "the ports that Linux gave it out of the group's are taken from it" wait_for refuses has_ports $new
check "setpci changes nothing" sh -c "setpci -s $new COMMAND=3:3; setpci -s $port COMMAND=3:3"
check "it seems to be on" seems_on
check "neither it nor its port is" off
check "its BAR's file, which would reach the owner, is gone" wait_for file_gone
check "the others answer" answer_others
check "every register is as it should be" verified
bystanders_pause
setpci -A intel-conf1 -s $new COMMAND=1:1
check "somebody turns it on, past the kernel: that is noticed" refuses verified
"$top/build/debug/try" repair > /dev/null
check "and put right" verified
bystanders_resume
check "it is off once more" off
check "it may share, too" $iomul attach $new
check "it answers, too" answers $new
check "every register is as it should be then" verified
check "and be detached again" $iomul detach $new
check "neither it nor its port is on again" off
check "nor is there its file" file_gone
check "it seems to be on again" seems_on
check "the others answer again" answer_others
check "removed" sh -c "echo 1 > $pci/$new/remove"
check "and found" rescan
check "enabled" enable
check "it is off as before" off
check "its file is gone as before" wait_for file_gone
bystanders_stop
check "detach" $iomul detach --all
check "without ports it has no file, which would lead to port 0" file_gone
check "what its port showed is so again" [ "$(hardware "$port")" = 1 ]
check "ports are nested" nested
check "the port's window, which was the group's, is shut" [ "$(setpci -A intel-conf1 -s "$port" 1c.w)" = 00f0 ]
check "the log says what to do" sh -c "dmesg | grep '$port: iomul: .* remove and rescan it'"
check "attach the rest once more" $iomul attach 03:00 04:00 05:00 06:00 07:00 08:00 09:00
check "a port without window that was there before is off" [ "$(hardware "$port")$(shown "$port")" = 01 ]
check "detach again" $iomul detach --all
check "and it is as it was" [ "$(hardware "$port")" = 1 ]
check "removed again" sh -c "echo 1 > $pci/$port/remove"
check "found again" rescan
check "it has ports" has_ports $new
check "and its file" [ -e "$file" ]
check "ports are nested again" nested
check "enabled again" enable
check "it is on, as its port is" on
check "it answers the host" $identity -H -n 400 -p 1 $new
verdict
