#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rule 4 where ports are shared by several slots: detached one after another, the last
# one puts back the ports of all. For a server with a switch, modules loaded, as root.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=$top/build/iomul
failed=0

cat /proc/ioports > /tmp/before
$iomul attach --all || exit 1
slots=$($iomul status --json | python3 -c 'import json,sys
print(*[s["slot"] for s in json.load(sys.stdin)["slots"]])')
left=$(echo "$slots" | wc -w)
for slot in $slots; do
	"$top/build/vm/identity" -n 300 -p 2 || failed=1
	$iomul detach "$slot" || failed=1
	left=$((left - 1))
done
diff /tmp/before /proc/ioports || failed=1
rmmod iomul-vfio-pci && rmmod iomul || failed=1
echo "$((1 - failed)) passed, $failed failed"
exit $failed
