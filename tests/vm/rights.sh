#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Who may do what on /dev/iomul: root, root without capabilities, a user, a user
# who was given the device, a container with and without it, and under lockdown.
#
# usage, as root in a server with e1000e (tiny, nics24), the programs of
# "make debug-programs" built: rights.sh. Ends with "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
try=$top/build/debug/try
dev=/dev/iomul
[ -e "$dev" ] || "$top/lab/scripts/load" || exit 1
passed=0 failed=0

# is WANT WHAT COMMAND...: the command prints WANT
is() {
	want=$1 what=$2
	shift 2
	got=$("$@" 2>&1)
	if [ "$got" = "$want" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok - $what: $got, want $want"
	fi
}

user() { setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }
nocaps() { setpriv --inh-caps=-all --bounding-set=-all "$@"; }
# Root of a user namespace: all capabilities, none that count outside.
container() { unshare -Ur "$@"; }
# A /dev of its own, without the device.
bare() { unshare -m sh -c 'mount -t tmpfs none /dev && exec "$@"' sh "$@"; }

set --
for path in /sys/bus/pci/devices/*; do
	[ "$(cat "$path/device")" = 0x10d3 ] && ! [ -e "$path/driver" ] && set -- "$@" "${path##*/}"
done
[ $# -ge 2 ] || { echo "rights.sh: want two e1000e without a driver"; exit 1; }
one=$1 two=$2
state() { setpci -s "$1" COMMAND BASE_ADDRESS_2 | tr '\n' ' '; }
before=$(state "$one")

is 600 "the device is root's alone" stat -c %a "$dev"
is EACCES "a user does not open it" user "$try" open
is EACCES "nor for writing" user "$try" openrw
is ENOENT "a container without it" bare "$try" open
is ok "root attaches" "$try" attach "$one"
is EPERM "root without capabilities attaches nothing" nocaps "$try" attach "$two"
is EPERM "nor detaches" nocaps "$try" detach "$one"
is EPERM "nor repairs" nocaps "$try" repair
is EPERM "root of a container attaches nothing" container "$try" attach "$two"
is EPERM "nor detaches" container "$try" detach "$one"
is ok "root without capabilities may look" nocaps "$try" info
is ENOENT "what is not shared can't be claimed" "$try" claim "$two"
is EBADF "nor with the device opened for reading" "$try" claimro "$one"

# The administrator hands the device to a user: ports of shared slots, and nothing else.
chmod 666 "$dev"
is ok "a user who was given it claims" user "$try" claim "$one"
is ok "and reads" user "$try" read "$one"
is ok "nothing beyond the BAR" user "$try" beyond "$one"
is ENOENT "nothing that is not shared" user "$try" read "$two"
is EPERM "he attaches nothing" user "$try" attach "$two"
is EPERM "and detaches nothing" user "$try" detach "$one"
is EPERM "a container's root neither" container "$try" detach "$one"
chmod 600 "$dev"

# A held slot stays; one that was let go of goes back to what it was.
"$try" hold "$one" > /dev/null &
holder=$!
sleep 1
is EBUSY "a second one does not get it" "$try" claim "$one"
is EBUSY "nor is it detached from under him" "$try" detach "$one"
kill "$holder"
wait "$holder" 2> /dev/null
is ok "killed, he has let go" "$try" detach "$one"
is "$before" "and it is as it was" state "$one"

if [ -w /sys/kernel/security/lockdown ] && echo integrity > /sys/kernel/security/lockdown 2> /dev/null; then
	is EPERM "lockdown: even root writes no config space" sh -c "dd if=/dev/zero of=/sys/bus/pci/devices/$one/config bs=1 seek=4 count=1 2>&1 | grep -q 'not permitted' && echo EPERM"
	is ok "lockdown: attach goes on, through the module" "$try" attach "$one"
	is ok "lockdown: so does access" "$try" read "$one"
	is ok "lockdown: and detach" "$try" detach "$one"
else
	echo "skipped: lockdown (not in this kernel)"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
