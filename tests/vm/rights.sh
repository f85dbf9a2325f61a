#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Who may do what on /dev/iomul: root, root without capabilities, a user, a user
# who was given the device, a container with and without it, and under lockdown.
#
# usage, as root in a server with e1000e (tiny, nics24), the programs of
# "make vm-tests debug-programs" built: rights.sh. Ends with "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
try=$top/build/debug/try
lease=$top/build/vm/lease
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

as_user="setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all"
user() { $as_user "$@"; }
nocaps() { setpriv --inh-caps=-all --bounding-set=-all "$@"; }
# Root of a user namespace: all capabilities, none that count outside.
container() { unshare -Ur "$@"; }
# The same with a /dev of its own, the device in it or not; begun by whom comes before.
contained=$top/tests/vm/contained
without="$contained --"
with="$contained $dev --"

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
is ENOENT "a container without it" $without "$try" open
is ENOENT "nor does a user's container without it" user $without "$try" open
is EACCES "nor one with it that the user was not given" user $with "$try" open
is EACCES "nor one that sees the host's /dev" user unshare -Ur "$try" open
# The kernel's own file for the ports of a BAR knows of no turn.
file=/sys/bus/pci/devices/$one/resource2
port_read() { dd bs=1 count=1 2>&1 > /dev/null | grep -o 'No such device' || echo ok; }
exec 9< "$file"
is ok "a file for the ports of a BAR" port_read <&9
is ok "root attaches" "$try" attach "$one"
is gone "it is gone while the function shares" sh -c "[ -e $file ] && echo there || echo gone"
is "No such device" "and of no use to who has it open" port_read <&9
is EPERM "root without capabilities attaches nothing" nocaps "$try" attach "$two"
is EPERM "nor detaches" nocaps "$try" detach "$one"
is EPERM "nor repairs" nocaps "$try" repair
is EPERM "nor leases" nocaps "$lease" "$one"
is EPERM "root of a container attaches nothing" container "$try" attach "$two"
is EPERM "nor detaches" container "$try" detach "$one"
is EPERM "nor has the tree of functions read" nocaps "$try" topology
is ok "root has" "$try" topology
is ok "root without capabilities may look" nocaps "$try" info
is ok "and verify" nocaps "$try" verify
is ok "root repairs" "$try" repair
is ok "and leases" "$lease" "$one"
is ENOENT "what is not shared can't be claimed" "$try" claim "$two"
is EBADF "nor with the device opened for reading" "$try" claimro "$one"

# The administrator hands the device to a user: ports of shared slots, and nothing else.
chown 65534 "$dev"
is ok "a user who was given it claims" user "$try" claim "$one"
is ok "and reads" user "$try" read "$one"
is ok "nothing beyond the BAR" user "$try" beyond "$one"
is ENOENT "nothing that is not shared" user "$try" read "$two"
is EPERM "he does not make the server look at all functions" user "$try" topology
is EPERM "he attaches nothing" user "$try" attach "$two"
is EPERM "and detaches nothing" user "$try" detach "$one"
is EPERM "nor does he repair" user "$try" repair
is ok "he may verify" user "$try" verify
is EPERM "he takes no lease" user "$lease" "$one"

# Without a driver nobody says to what memory a device may write; firmware may have left it able to.
master() { echo $((0x$(setpci -s "$one" COMMAND) & 4)); }
setpci -s "$one" COMMAND=4:4
is ok "root claims" "$try" claim "$one"
is 4 "and it may still write to memory" master
is ok "the user claims" user "$try" claim "$one"
is 0 "and it may not, also afterwards" master

# A batch of seconds or minutes.
is ok "killed in the middle of a batch, he has let go soon" user "$try" flood "$one"

# A device that a driver has may write to any memory that the driver lets it.
driver=/sys/bus/pci/drivers/e1000e
echo 0 > /sys/bus/pci/drivers_autoprobe
modprobe e1000e
echo "$one" > $driver/bind
is EBUSY "beside a driver he claims nothing" user "$try" claim "$one"
is ok "root does" "$try" claim "$one"
echo "$one" > $driver/unbind
is ok "without it he does again" user "$try" claim "$one"
# Asked by who does not claim himself, which would keep the other one out for a moment.
held() { "$top/build/iomul" status --json | grep -q '"users": *[1-9]'; }
wait_until() { for _ in $(seq 100); do ! "$@" || return 0; sleep 0.2; done; }
user "$try" reads "$one" > /tmp/claimed 2>&1 &
wait_until held
echo "$one" > $driver/bind
wait $!
is ENODEV "the driver comes while he holds it: he gets no further" cat /tmp/claimed
echo "$one" > $driver/unbind
$as_user "$try" stays "$one" > /tmp/claimed 2>&1 &
stays=$!
wait_until held
echo "$one" > $driver/bind
wait_until [ -s /tmp/claimed ]
is ENODEV "the same, and he stays" cat /tmp/claimed
is ok "he keeps it from nobody: root claims it" "$try" claim "$one"
echo "$one" > $driver/unbind
is ok "nor from being detached" "$try" detach "$one"
is ok "nor attached" "$try" attach "$one"
is ok "and claimed" user "$try" claim "$one"
kill $stays
wait $stays 2> /dev/null
is ok "when he has gone it is claimed as before" user "$try" read "$one"
setpci -s "$one" COMMAND=0000	# memory stays on
is ok "it is gone again: so is what kept him out" user "$try" read "$one"

# Or to a container, by its node: of the user's, and of root's.
root() { "$@"; }
for who in user root; do
	[ $who = user ] || chown 0 "$dev"
	is 0 "$who: root in the container" $who $with id -u
	is ok "$who: a container that was given it claims" $who $with "$try" claim "$one"
	is ok "$who: and reads" $who $with "$try" read "$one"
	is ok "$who: nothing beyond the BAR" $who $with "$try" beyond "$one"
	is ENOENT "$who: nothing that is not shared" $who $with "$try" read "$two"
	is EPERM "$who: attaches nothing" $who $with "$try" attach "$two"
	is EPERM "$who: detaches nothing" $who $with "$try" detach "$one"
	is EPERM "$who: repairs nothing" $who $with "$try" repair
	is ok "$who: may verify" $who $with "$try" verify
	is EPERM "$who: takes no lease" $who $with "$lease" "$one"
	is ENOENT "$who: without the node nothing of this" $who $without "$try" claim "$one"
done
is EACCES "taken back, the user opens it no more" user "$try" openrw

# A held slot stays; one that was let go of goes back to what it was.
"$try" hold "$one" > /dev/null &
holder=$!
wait_until held
is EBUSY "a second one does not get it" "$try" claim "$one"
is EBUSY "nor is it detached from under him" "$try" detach "$one"
kill "$holder"
wait "$holder" 2> /dev/null
is ok "killed, he has let go" "$try" detach "$one"
is ok "its file is there again" port_read < "$file"
is "$before" "and it is as it was" state "$one"

if [ -w /sys/kernel/security/lockdown ] && echo integrity > /sys/kernel/security/lockdown 2> /dev/null; then
	is EPERM "lockdown: even root writes no config space" sh -c "dd if=/dev/zero of=/sys/bus/pci/devices/$one/config bs=1 seek=4 count=1 2>&1 | grep -q 'not permitted' && echo EPERM"
	is ok "lockdown: attach goes on, through the module" "$try" attach "$one"
	is ok "lockdown: so does access" "$try" read "$one"
	is ok "lockdown: so does repair" "$try" repair
	is ok "lockdown: so does a lease" "$lease" "$one"
	is ok "lockdown: and detach" "$try" detach "$one"
else
	echo "skipped: lockdown (not in this kernel)"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
