#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server bigiron24, modules loaded, the programs of "make debug-programs" built:
# VMMs of a user without any capability boot their guests through VFIO, given the nodes of the
# IOMMU groups and nothing else; so do those in a container. Who was not given the node gets
# no guest.
# usage, as root: vmm-rights.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

uid=65534
guests=$top/lab/guests
try=$top/build/debug/try
contained=$top/tests/vm/contained
logs=/tmp/guests
opens=/tmp/opens
# The first has ports of its own at start, the others are starved; nobody is given the last.
one=0000:01:00.0 two=0000:17:00.0 three=0000:18:00.0 other=0000:16:00.0

user() {
	setpriv --reuid $uid --regid $uid --clear-groups --inh-caps=-all --ambient-caps=-all \
		--bounding-set=-all --no-new-privs "$@"
}
node() { echo "/dev/vfio/$(basename "$(readlink "$pci/$1/iommu_group")")"; }
# says WANT COMMAND...
says() {
	want=$1
	shift
	got=$("$@" 2>&1)
	echo "$got, want $want"
	[ "$got" = "$want" ]
}

# What the kernel says of the QEMU processes below process $1, as long as that lives: in files
# of /tmp/rights.PID, the last time it was seen. Others may be on the way to be one.
watch_rights() {
	rm -f /tmp/rights.*
	while kill -0 "$1" 2> /dev/null; do
		for pid in $(pgrep -x qemu-system-x86); do
			grep -E '^(Uid|Gid|Groups|Cap.*|NoNewPrivs):' "/proc/$pid/status" > /tmp/rights.new 2> /dev/null &&
				[ "$(wc -l < /tmp/rights.new)" = 9 ] && mv /tmp/rights.new "/tmp/rights.$pid"
		done
		sleep 0.3
	done
	rm -f /tmp/rights.new
}
# Of $1 processes, each of which had nothing.
had_no_rights() {
	cat /tmp/rights.*
	awk -v want="$1" -v uid=$uid '
		FNR == 1 { files++ }
		/^[UG]id:/ { good += $2 == uid && $3 == uid && $4 == uid && $5 == uid }
		/^Groups:/ { good += NF == 1 }
		/^Cap/ { good += $2 == "0000000000000000" }
		/^NoNewPrivs:/ { good += $2 == 1 }
		END { exit files != want || good != 9 * files }' /tmp/rights.*
}
# In there a container's root has all capabilities, which /proc shows; out here he is who began it.
was_users() { cat /tmp/rights.* && grep -Eqx "Uid:(.$uid){4}" /tmp/rights.* && grep -qx "NoNewPrivs:.1" /tmp/rights.*; }
# boots ARGUMENTS...: all guests boot from their own disks
boots() {
	"$guests" --user $uid --logs $logs "$@" > /tmp/guests.out 2>&1 &
	watch_rights $!
	wait $!
	status=$?
	cat /tmp/guests.out
	return $status
}
# boots_not WHY ARGUMENTS...: the one guest does not, and QEMU said WHY.
boots_not() {
	why=$1
	shift
	rm -rf $logs
	! boots "$@" && grep -q '^0 of 1 guests' /tmp/guests.out && cat $logs/*.qemu && grep -q "$why" $logs/*.qemu &&
		! cat $logs/*.serial | grep -q .
}

# opens FILE: says "ok", or the errno's name.
cat > $opens << 'PYTHON' && chmod 755 $opens
#!/usr/bin/env python3
import errno, os, sys
try:
    os.open(sys.argv[1], os.O_RDWR)
    print("ok")
except OSError as error:
    print(errno.errorcode[error.errno])
PYTHON
were_accessed() {
	$iomul status
	for slot; do
		[ "$(slot_state "$slot" | awk '{ print $7 }')" -gt 0 ] || return 1
	done
}

modprobe -a kvm-amd vfio-pci
check "attach" $iomul attach --windows 1 ${one%.0} ${two%.0} ${three%.0} ${other%.0}
check "bind" $iomul bind ${one%.0} ${two%.0} ${three%.0} ${other%.0}
check "the node of a group is root's alone" says "600 0" stat -c "%a %u" "$(node $one)"
check "so is iomul's" says "600 0" stat -c "%a %u" /dev/iomul

# What the administrator gives. Every user may open /dev/vfio/vfio anyway.
chown $uid /dev/kvm "$(node $one)" "$(node $two)" "$(node $three)"
check "guests boot, each from its own disk" boots $one $two $three
check "and their VMMs were user $uid's, without a capability or a way to one" had_no_rights 3
check "all through shared ports" were_accessed 01:00 17:00 18:00
check "without the node there is no guest" boots_not "failed to open $(node $other): Permission denied" $other
check "nor without leave to lock its memory" boots_not "Cannot allocate memory" --locked 8 $one
check "he opens his own group" says ok user $opens "$(node $one)"
check "not another one's" says EACCES user $opens "$(node $other)"
check "nor iomul's node" says EACCES user "$try" openrw
check "nor that for reading" says EACCES user "$try" open
check "nor ports past everybody" says EACCES user $opens /dev/port

# A container of the user's: root in there, and nothing outside.
given="/dev/kvm /dev/vfio/vfio $(node $two)"
# shellcheck disable=SC2086 # a list
inside() { user "$contained" $given -- "$@"; }
check "a container's root is nobody outside" says 0 inside id -u
check "a container with the node boots a guest" boots --through "$contained $given --" $two
check "its VMM is the user's" was_users
check "one without it does not" \
	boots_not "failed to open $(node $three): No such file" --through "$contained $given --" $three
check "it has the one node" says ok inside $opens "$(node $two)"
check "no other one" says ENOENT inside $opens "$(node $other)"
check "nor iomul's" says ENOENT inside "$try" openrw
check "with the host's /dev the others' nodes are refused" says EACCES user unshare -Urm $opens "$(node $other)"
check "and iomul's" says EACCES user unshare -Urm "$try" openrw

check "the slot that nobody was given was not accessed" refuses were_accessed 16:00
check "every register is as it should be" verified
check "unbind" $iomul unbind ${one%.0} ${two%.0} ${three%.0} ${other%.0}
check "detach" $iomul detach --all
verdict
