#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Rules 3 and 4: after a detach, config space of every function, all resources and
# /proc/ioports are as before, byte for byte; what was not selected is so at all times.
#
# usage, as root: restore.sh [SLOT...]   default: all that can share
#
# Attaches in two portions and detaches in three orders, so that groups grow and
# shrink; with accesses in between, so that gates have moved.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd)
iomul=${IOMUL:-$here/build/iomul}
pci=/sys/bus/pci/devices
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
	echo "not ok: $*"
	failed=1
}

# state DIR [FUNCTION...]: a file each for the functions (all) and for the ports.
state() {
	dir=$1
	shift
	mkdir -p "$dir"
	[ $# -gt 0 ] || { set -- "$pci"/*; cp /proc/ioports "$dir/ioports"; }
	for f; do
		f=${f##*/}
		od -v -Ax -tx1 "$pci/$f/config" > "$dir/$f.config"
		cp "$pci/$f/resource" "$dir/$f.resource"
	done
}

same() {
	if ! diff -r "$1" "$2" > "$work/diff"; then
		fail "$3"
		head -20 "$work/diff"
	fi
	rm -rf "$2"
}

slots=${*:-$(python3 "$here/tests/vm/slots.py")}
# shellcheck disable=SC2086
set -- $slots
[ $# -ge 2 ] || { echo "want two slots"; exit 1; }
half=$(($# / 2))
first='' second=''
for s; do
	if [ $half -gt 0 ]; then first="$first $s"; half=$((half - 1)); else second="$second $s"; fi
done

# Neither selected nor a port above one that is.
others() {
	for f in "$pci"/*; do
		f=${f##*/}
		keep=yes
		for s in $first $second; do
			case $f in "$s".*) keep=no ;; esac
			case $(readlink "$pci/$s.0") in */"$f"/*) keep=no ;; esac
		done
		[ $keep = no ] || echo "$f"
	done
}

access() {
	[ -z "${IDENTITY:-}" ] || "$IDENTITY" -n 200 -p 2 > /dev/null || fail "accesses"
}

# The test program enables the functions, which leaves memory decode on.
if [ -n "${IDENTITY:-}" ]; then
	for s; do
		echo 1 > "$pci/$s.0/enable"
		echo 0 > "$pci/$s.0/enable"
	done
fi
state "$work/before"
bystanders=$(others)
# shellcheck disable=SC2086
state "$work/others" $bystanders

during() {
	# shellcheck disable=SC2086
	state "$work/now" $bystanders
	same "$work/others" "$work/now" "$1: what was not selected has changed"
}

run() {
	"$iomul" "$@" > "$work/out" 2>&1 || { fail "iomul $*"; cat "$work/out"; }
}

after() {
	state "$work/after"
	same "$work/before" "$work/after" "$1: not everything was put back"
}

# shellcheck disable=SC2086
{
	run attach $first $second
	during "attach"
	access
	run detach --all
	after "attach all, detach all"

	run attach $first
	run attach $second
	during "attach in two portions"
	access
	run detach $second
	during "detach of the second portion"
	access
	run detach $first
	after "attach in two portions, detach in reverse"

	run attach $first
	run attach $second
	access
	if "$iomul" detach $first > "$work/out" 2>&1; then
		access
		run detach $second
	else
		grep -q . "$work/out" || fail "a refusal without a reason"
		run detach --all
	fi
	after "attach in two portions, detach the first one first"
}
[ $failed -eq 0 ] && echo "ok: everything was put back, and the rest never touched"
exit $failed
