#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server hotplug, modules loaded: while a newcomer below a port does not share, others there
# come back and share as before. What Linux gives the newcomer out of the shared window is not its own.
# usage, as root: newcomer.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
old=0000:06:00.0 new=0000:07:00.0	# behind one switch
above() { readlink -f "$pci/$1/.." | sed 's|.*/||'; }
old_port=$(above $old) new_port=$(above $new)
remove() { echo 1 > "$pci/$1/remove"; }

check "remove a port of the switch, with what is behind it" remove "$new_port"
check "attach the rest" $iomul attach --all
check "find it" rescan
check "it is there" is_there $new
check "and has no ports of the group's" wait_for refuses has_ports $new
check "another port of the switch is removed" remove "$old_port"
check "its slot is gone" wait_for gone ${old%.0}
check "found" rescan
check "it shares again, beside what does not" wait_for shares ${old%.0}
check "and all answer" answers
check "every register is as it should be" verified
check "the newcomer may share, too" $iomul attach $new
check "and all answer then" answers
check "detach" $iomul detach --all
check "the newcomer's port has been told what to do" sh -c "dmesg | grep '$new_port: iomul: .* remove and rescan it'"
check "remove it" remove "$new_port"
check "and find it" rescan
check "it has ports of its own" has_ports $new
echo 1 > $pci/$new/enable
check "and answers the host" $identity -H -n 400 -p 1 $new
verdict
