#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server resets, modules loaded: suspend to RAM and resume while bystanders are
# accessed, and while somebody waits for a lease. The server's root file system does not survive
# it (virtio-9p knows no suspend), so the test runs in a root of its own on tmpfs, and ends by
# resetting the server.
# usage, as root: power.sh [TIMES]	(3). Ends with "N passed, N failed"; see "suspend".
set -u
times=${1:-3}
top=$(cd "$(dirname "$0")/../.." && pwd)
new=/tmp/root

if [ ! -e /in-tmpfs ]; then
	for f in /sys/bus/pci/devices/0000:*; do
		[ "$(basename "$(readlink -f "$f/driver")")" = serial ] && echo "${f##*/}" > "$f/driver/unbind"
	done
	mkdir -p $new/proc $new/sys $new/dev $new/tmp $new/bin $new/run "$new$top/tests/vm" "$new$top/build/vm"
	for f in sh awk basename cat cmp cut date diff dirname dmesg grep head mkdir od readlink rm rtcwake sed setpci \
		sleep sort tail touch tr wc; do
		cp -L "$(command -v $f)" $new/bin/
	done
	cp "$top/build/iomul" $new$top/build/
	cp "$top/build/vm/identity" $new$top/build/vm/
	cp "$top/tests/vm/lib.sh" "$0" "$new$top/tests/vm/"
	ldd $new/bin/* $new$top/build/iomul $new$top/build/vm/identity 2> /dev/null |
		grep -o '/[^ ]*\.so[^ ]*' | sort -u | while read -r lib; do
			mkdir -p "$new$(dirname "$lib")"
			cp -L "$lib" "$new$lib"
		done
	touch $new/in-tmpfs
	for d in proc sys dev; do mount --rbind /$d $new/$d; done
	exec chroot $new /bin/sh "$top/tests/vm/$(basename "$0")" "$times"
fi

PATH=/bin
# shellcheck source=tests/vm/lib.sh
. "$top/tests/vm/lib.sh"
suspends() { dmesg | grep -c "PM: suspend exit"; }
# Sleeps, and says so if it did.
suspend() {
	before=$(suspends)
	rtcwake -d /dev/rtc0 -m mem -s 4 && [ "$(suspends)" = $((before + 1)) ] &&
		dmesg | grep -q "ACPI: PM: Preparing to enter system sleep state S3"
}

cat /proc/ioports > /tmp/before
check "attach" $iomul attach --all --windows 1
check "all answer" answers
BOUND_MS=60000	# it sleeps
bystanders_start 0000:03:00 0000:04:00
round=0
while [ $round -lt "$times" ]; do
	round=$((round + 1))
	event "suspend to RAM, number $round"
	check "suspend and resume" suspend
	check "every register is as it should be" wait_for verified
	check "all that nobody holds answer" answers 0000:01:00 0000:02:00 0000:07:00 0000:08:00
done
bystanders_stop

$iomul lease 08:00 > /dev/null & lease=$!
check "a lease" wait_for leased 0000:08:00
$identity -n 400 -p 1 0000:07:00 > /tmp/waiter 2>&1 & waiter=$!
sleep 1
check "somebody waits for it: suspend and resume" suspend
check "it still lasts" leased 0000:08:00
check "and he still waits" kill -0 $waiter
kill $lease
wait $lease 2> /dev/null
check "it is over: he has what he waited for" wait $waiter

check "every register is as it should be afterwards" verified
check "detach" $iomul detach --all
check "resources as before the attach" diff /tmp/before /proc/ioports
verdict
sleep 2
echo b > /proc/sysrq-trigger	# QEMU ends then; switched off after a suspend it would not
sleep 60
