#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The command in a virtual server: each verb rightly and wrongly, with the module loaded.
#
# usage, as root: cli.sh [IOMUL]
#
# Wants 24 root ports with megasas-gen2 or e1000e, nine of them starved. Each
# wrong call must say why, exit as documented and leave every config space, all
# resources and /proc/ioports as they were, byte for byte.
# A step whose needs are missing here is skipped, and says so.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=${1:-$top/build/iomul}
pci=/sys/bus/pci/devices
driver="iomul-vfio-pci"
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
count=0 failed=0

# A tiny harness: check WORDS... says ok or not ok by the exit status before it.
check() {
	status=$?
	count=$((count + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $count - $*"
	else
		failed=$((failed + 1))
		echo "not ok $count - $*"
		sed 's/^/# out: /' "$work/out" | head -40
		sed 's/^/# err: /' "$work/err" | head -20
	fi
}

skip() { echo "# skipped: $*"; }

# Everything that a call must not change. Few processes and 256 bytes of each config
# space, since every register read takes its time in an emulated server.
snapshot() {
	head -c 256 "$pci"/*/config | od -v -tx1
	tail -n +1 "$pci"/*/resource "$pci"/*/driver_override
	find "$pci"/*/driver -printf '%p %l\n'
	cat /proc/ioports
}

run() {
	"$iomul" "$@" >"$work/out" 2>"$work/err"
	code=$?
}

works() {
	run "$@"
	[ "$code" -eq 0 ]
	check "iomul $*"
}

# refuses CODE MESSAGE ARGUMENT...
refuses() {
	want=$1 message=$2
	shift 2
	snapshot >"$work/before"
	run "$@"
	snapshot >"$work/after"
	[ "$code" -eq "$want" ]
	check "iomul $*: exit code $want (was $code)"
	grep -qF -- "$message" "$work/err"
	check "iomul $*: says '$message'"
	diff "$work/before" "$work/after" >"$work/diff"
	check "iomul $*: changes nothing"
	head -20 "$work/diff" | sed 's/^/# diff: /'
}

same_as_first() {
	snapshot >"$work/now"
	diff "$work/first" "$work/now" >"$work/diff"
	check "$*: everything is as it was"
	head -20 "$work/diff" | sed 's/^/# diff: /'
}

is_port() { case $(cat "$pci/$1/class") in 0x0604*) return 0 ;; esac; return 1; }

# Does one of its first six resources (the BARs) have ports?
has_ports() {
	head -6 "$pci/$1/resource" | grep -q '^0x0*[1-9a-f][0-9a-f]* .* 0x[0-9a-f]*1[0-9a-f][0-9a-f]$'
}

slot_of() { echo "${1%.*}"; }

# Functions behind root ports that are of the kind that most of them are.
sharers=$(for d in "$pci"/*; do
	f=${d##*/}
	is_port "$f" || [ "${f#0000:00:}" != "$f" ] || echo "$f"
done)
kind=$(for f in $sharers; do cat "$pci/$f/device"; done | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
fed='' starved=''
for f in $sharers; do
	[ "$(cat "$pci/$f/device")" = "$kind" ] || continue
	if has_ports "$f"; then fed="$fed $f"; else starved="$starved $f"; fi
done
# shellcheck disable=SC2086 # lists
{
	set -- $fed
	feds=$# one=$(slot_of "${1:-0000:ff:1f.0}") two=$(slot_of "${2:-0000:ff:1f.0}")
	set -- $starved
	starveds=$# dry=$(slot_of "${1:-0000:ff:1f.0}")
}
all=$((feds + starveds))
bridge=$(for d in "$pci"/*; do is_port "${d##*/}" && slot_of "${d##*/}"; done | head -1)
echo "# $all functions of device $kind: $feds with ports, $starveds starved; port $bridge"

# Drivers of the host let go, so that the slots can be attached.
for f in $fed $starved; do
	[ -e "$pci/$f/driver" ] && echo "$f" >"$pci/$f/driver/unbind"
done
snapshot >"$work/first"

# plan
works plan
grep -q "^$feds of $all functions have ports now" "$work/out" ||
	grep -q "$feds of [0-9]* functions have ports now" "$work/out"
check "plan counts $feds with ports"
[ "$(grep -c 'none (starved)' "$work/out")" -eq "$starveds" ]
check "plan shows $starveds as starved"
works plan --all --steps
works plan --json --all
python3 -c '
import json, sys
p = json.load(open(sys.argv[1]))
s = p["summary"]
assert p["schema"] == 1 and p["source"] == "module", p
assert s["with_ports_after"] == s["functions"] - len([x for x in p["skipped"]
	if any(f["starved"] and f["slot"] == x["slot"] for f in p["functions"])]), s
assert all(b["size"] for f in p["functions"] for b in f["bars"]), "a BAR without size"
' "$work/out" 2>"$work/err"
check "plan --json: all have ports after sharing"
same_as_first "after plan"

# Wrong on the command line
refuses 2 "no verb given"
refuses 2 "'frob' is not a verb" frob
refuses 2 "'garbage' is not a slot" attach garbage
refuses 2 "'$one.8' is not a slot" attach "$one.8"
refuses 2 "no slot given" attach
refuses 2 "either slots or --all" attach "$one" --all
refuses 2 "neither a number" attach "$one" --windows none
refuses 2 "no slot given" detach
refuses 2 "'--frob' is not an option of status" status --frob
refuses 2 "status takes no argument" status "$one"

# Wrong slots
refuses 1 "0000:ff:1f: there is no such device" attach ff:1f
refuses 1 "0000:ff:1f: there is no such device" plan ff:1f
refuses 1 "is a bridge" attach "$bridge"
refuses 1 "none of its functions has an I/O BAR" attach 00:00
refuses 1 "there is no such device" attach "$one" ff:1f
refuses 1 "does not share" detach "$one"
refuses 1 "no such device" bind ff:1f
refuses 1 "is a bridge" bind "$bridge"
refuses 1 "it is not bound to $driver" unbind "$one"

# A host driver that uses ports: any function whose BAR has a child in /proc/ioports
user=$(awk '/: [0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/ { f = $NF; next }
	f && !/PCI Bus/ { print f; exit } { f = "" }' /proc/ioports)
if [ -n "$user" ] && [ -e "$pci/$user/driver" ]; then
	name=$(basename "$(readlink "$pci/$user/driver")")
	refuses 1 "used by the host driver $name ($user)" attach "$(slot_of "$user")"
else
	skip "no host driver uses ports here"
fi

# Nowhere a free window: a starved slot alone, where all is taken
run plan "$dry"
if [ "$code" -eq 1 ] && grep -q 'nowhere free' "$work/err"; then
	refuses 1 "nowhere free below its root bus" attach "$dry"
	grep -q 'are held by' "$work/err"
	check "a full root: says who holds what"
	hint=$(sed -n 's/.*(add \([0-9a-f:]*\)).*/\1/p' "$work/err" | head -1)
	[ -n "$hint" ]
	check "a full root: names a further slot ($hint)"
	if [ -n "$hint" ]; then
		works attach "$dry" "$hint"
		refuses 1 "its own range" detach "$hint"
		works detach --all
		same_as_first "after attach and detach with the lender $hint"
	fi
else
	skip "there is room for a starved slot alone"
fi

# No module, no rights
export IOMUL_DEVICE=/nonexistent
refuses 3 "modprobe iomul" attach "$one"
refuses 3 "modprobe iomul" status
export IOMUL_DEVICE=/dev/null
refuses 1 "not the device node" status
unset IOMUL_DEVICE
if command -v setpriv >/dev/null; then
	root=$iomul
	nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$root" "$@"; }
	iomul=nobody
	refuses 4 "not permitted" attach "$one"
	refuses 4 "not permitted" detach --all
	refuses 4 "run this as root" bind "$one"
	iomul=$root
	uncapable() { setpriv --bounding-set=-sys_admin,-sys_rawio --inh-caps=-all "$root" "$@"; }
	iomul=uncapable
	refuses 4 "not permitted" attach "$one"
	iomul=$root
else
	skip "no setpriv: rights"
fi

# One, twice, wrongly again
works attach "$one" "$two"
refuses 1 "it shares already" attach "$one"
refuses 1 "it shares already" attach "$dry" "$one"
refuses 1 "does not share" detach "$two" "$dry"
works status
works status --verify
works detach "$two" "$one"
same_as_first "after attach and detach of two"

# All
snapshot >"$work/before"
works attach --all
works plan
if [ "$starveds" -gt 0 ]; then
	! grep -q 'none (starved)' "$work/out"
	check "nobody is starved"
fi
works status --json
python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))
want = int(sys.argv[2])
assert s["schema"] == 1
assert len(s["slots"]) >= want, (len(s["slots"]), want)
assert len(s["groups"]) >= 1
for slot in s["slots"]:
    assert slot["bars"] and all(b["at"] for b in slot["bars"]), slot
' "$work/out" "$all" 2>"$work/err"
check "status --json: $all slots, all with ports"
refuses 1 "no slot can be attached" attach --starved
works status --verify
grep -q 'all as they should be' "$work/out"
check "the hardware agrees"

# The variant driver
if modprobe -q "$driver" 2>/dev/null || [ -d "/sys/bus/pci/drivers/$driver" ]; then
	works bind "$one" "$two.0"
	[ "$(basename "$(readlink "$pci/$one.0/driver")")" = "$driver" ]
	check "$one.0 is bound to $driver"
	works bind "$one"
	works unbind "$one" "$two"
	[ "$(basename "$(readlink "$pci/$one.0/driver")")" != "$driver" ]
	check "$one.0 is not bound to $driver any more"
	grep -q '(null)' "$pci/$one.0/driver_override"
	check "its driver_override is clear"
	[ -e "$pci/$one.0/driver" ] && echo "$one.0" >"$pci/$one.0/driver/unbind"
	[ -e "$pci/$two.0/driver" ] && echo "$two.0" >"$pci/$two.0/driver/unbind"
else
	refuses 3 "modprobe $driver" bind "$one"
fi

works detach --all
works status
grep -q 'Nothing is shared' "$work/out"
check "nothing is shared any more"
same_as_first "after attach --all and detach --all"

# Several windows
works attach --all --windows 3
works status --json
python3 -c '
import json, sys
assert len(json.load(open(sys.argv[1]))["groups"]) <= 3
' "$work/out" 2>"$work/err"
check "at most three windows"
works detach --all
same_as_first "after several windows"

echo "$((count - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
