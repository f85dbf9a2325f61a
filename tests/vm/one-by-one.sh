#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rule 4 where ports are shared by several slots: detached one after another, the last
# one puts back the ports of all. For a server with a switch, modules loaded, as root.
# one-by-one.sh [rescan|again]: in between the kernel looks for ports for what has none; or slots
# come back, while others have left.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=$top/build/iomul
failed=0
fail() {
	echo "not ok - $*"
	failed=1
}

cat /proc/ioports > /tmp/before
$iomul attach --all || exit 1
# The one whose own ports carry the group can't be detached before the others.
slots=$($iomul status --json | python3 -c 'import json,sys
print(*[s["slot"] for s in sorted(json.load(sys.stdin)["slots"], key=lambda s: s["lender"])])')
left=$(echo "$slots" | wc -w)
if [ "${1:-}" = again ]; then
	before=''
	for slot in $slots; do
		left=$((left - 1))
		[ $left != 0 ] || break
		if ! { $iomul detach "$slot" && $iomul attach "$slot" && $iomul detach "$slot"; }; then
			fail "$slot does not come back"
		fi
		[ -z "$before" ] || $iomul attach "$before" || fail "$before does not come back while $slot is away"
		before=$slot
	done
	"$top/build/vm/identity" -n 300 -p 2 || fail "accesses while one is away"
	$iomul detach --all || fail "detach --all"
	slots=''
fi
for slot in $slots; do
	"$top/build/vm/identity" -n 300 -p 2 || fail "accesses before $slot leaves"
	$iomul detach "$slot" || fail "$slot does not leave"
	# Its memory is of use before it has its ports back; not so on a bus that others there share.
	for f in /sys/bus/pci/devices/"$slot".*; do
		# shellcheck disable=SC2012 # names without blanks
		[ "$(ls -d "${f%:*}":* | wc -l)" = "$(ls -d "${f%.*}".* | wc -l)" ] || continue
		if ! echo 1 > "$f/enable" || ! echo 0 > "$f/enable"; then fail "$f can't be enabled"; fi
	done
	left=$((left - 1))
	[ "${1:-}" != rescan ] || echo 1 > /sys/bus/pci/rescan
done
diff /tmp/before /proc/ioports || fail "the ports are not as they were"
rmmod iomul-vfio-pci || fail "iomul-vfio-pci stays"
rmmod iomul || fail "iomul stays"
echo "$((1 - failed)) passed, $failed failed"
exit $failed
