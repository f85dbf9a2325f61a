#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server given-up, modules loaded: nothing is free, and a device is plugged into a
# root port without a window. Linux gives up the windows of all other ports for that, also those
# of ports above a group, which are not ours to hold; the newcomer gets the lowest ports there are.
# usage, as root: given-up.sh [leased|stock]. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"
try=$top/build/debug/try
lost="0000:03:00 0000:04:00" one=0000:03:00.0	# below the port that had the lowest ports
kept="0000:08:00 0000:09:00" two=0000:08:00.0 three=0000:09:00.0
new=0000:14:00

log_says() { dmesg | grep -q "iomul: .*$1"; }
reads() { [ "$("$try" read "$1")" = "$2" ]; }
says() { want=$1; shift; "$@" 2>&1 | grep -q -e "$want"; }
# Ports of group $1 and whose they are, from the lowest.
reserved() { grep "iomul group $1$" /proc/ioports; }
below() { grep -e "0000:0[6-9]" "$1"; }

cat /proc/ioports > /tmp/before
$iomul monitor > /tmp/monitor & monitor=$!
# shellcheck disable=SC2086
check "attach" $iomul attach $lost $kept
check "all answer" answers
check "a group each" sh -c "grep -c 'iomul group' /proc/ioports | grep -x 2"
reserved 1 > /tmp/group1

if [ "${1:-}" = leased ]; then
	$iomul lease 08:00 > /tmp/lease.out 2>&1 & lease=$!
	check "a lease" wait_for leased 0000:08:00
	check "plug" qmp add e1000e id=new,bus=port11
	check "the other slot gets an error" wait_for reads $three ENODEV
	check "status says why" says stranded slot_state 0000:09:00
	kill $lease
	check "the lease ends" wait_for not_leased 0000:08:00
	check "who had it gets an error, too" reads $two ENODEV
	check "detach" $iomul detach --all
	verdict
	exit
fi

# A HBA like those that lose their ports, and on one of these stock vfio-pci: its guest asks for ports by number.
no_ports() { ! cut -d' ' -f3 $pci/$1/resource | grep -q '[13579bdf]..$'; }
if [ "${1:-}" = stock ]; then
	modprobe vfio-pci
	bar=$(grep -n ' 0x[0-9a-f]*[13579bdf]..$' $pci/$one/resource | cut -d: -f1)
	bar=$((bar - 1))
	check "it has an I/O BAR" [ $bar -ge 0 ]
	echo vfio-pci > $pci/$one/driver_override
	echo $one > /sys/bus/pci/drivers_probe
	reaches() { "$top/tests/vm/stock.py" $one $bar > /tmp/reached 2>&1; grep -qx "$1" /tmp/reached; }
	check "its ports are not for vfio-pci's users: EBUSY" reaches EBUSY
	check "plug" qmp add megasas-gen2 id=new,bus=port11
	check "the group has lost its ports" wait_for says stranded slot_state 0000:03:00
	check "the newcomer has them" sh -c "grep ' 0x[0-9a-f]*[13579bdf]..$' $pci/$new.0/resource | grep '^0x0*10[0-9a-f][0-9a-f] '"
	check "and nobody else has ports there" no_ports $one
	up=$(basename "$(dirname "$(readlink -f $pci/$one)")")
	check "nor passes some on" no_ports "$up"
	check "nor his user: $(reaches any; cat /tmp/reached)" sh -c "! grep -qx ok /tmp/reached"
	passes_on() { v=0x$(setpci -s "$up" IO_BASE.w); [ $((v & 0xf0)) -le $((v >> 8 & 0xf0)) ] && echo $((v & 0xf0)); }
	check "rescan" rescan
	check "detach" $iomul detach --all
	check "the port above does not pass on what is the newcomer's: $(passes_on)" [ "$(passes_on)" != 16 ]
	check "nor after that: $(reaches any; cat /tmp/reached)" sh -c "! grep -qx ok /tmp/reached"
	verdict
	exit
fi

# shellcheck disable=SC2086
$identity -t 8 -p 2 $kept > /tmp/long 2>&1 & long=$!
sleep 1
check "plug" qmp add e1000e id=new,bus=port11
check "it is there" wait_for is_there $new.0
case "$(uname -r)" in 6.*) ;; *)
	if sleep 2 && ! grep -q "PCI Bus 0000:14" /proc/ioports; then
		check "nobody's ports were given up, all answer" answers
		verdict || exit
		echo "skipped given-up: this kernel gives up nobody's windows for a newcomer"
		exit 77
	fi ;;
esac
check "whose ports are still free notices nothing" wait $long
tail -n 3 /tmp/long
check "and never met a wrong device, nor an error" grep ": 0 misrouted, 0 errors" /tmp/long
check "its ports are reserved as before" wait_for sh -c "grep 'iomul group 1$' /proc/ioports | cmp - /tmp/group1"
check "and it answers" answers $kept
check "the newcomer has ports that were a group's" grep "1000-1fff : PCI Bus 0000:14" /proc/ioports
check "and answers" $identity -H -n 200 -p 1 $new
check "the log says so" log_says "group 0: its ports 0x1000-0x1fff are not passed on"
for f in $one 0000:04:00.0; do check "$f: an error, no ones" wait_for reads $f ENODEV; done
check "status says it" says stranded slot_state 0000:03:00
check "so does the monitor" told stranded 0000:03:00
check "and what is scraped" says 'iomul_slot_stranded{group="0",slot="0000:03:00"} 1' $iomul metrics
check "of the others not" says 'iomul_slot_stranded{group="1",slot="0000:08:00"} 0' $iomul metrics
kill $monitor
check "and its functions have no ports" no_ports $one
check "a slot that would join it is refused" says "0000:05:00" refuses $iomul attach 05:00
check "nobody leases there" refuses $iomul lease 03:00 -- true
check "detach what is lost" $iomul detach $lost
check "the others answer" answers $kept
check "and the newcomer" $identity -H -n 200 -p 1 $new
check "detach the others" $iomul detach $kept
below /tmp/before > /tmp/before.kept
below /proc/ioports > /tmp/after.kept
check "they have what they had" cmp /tmp/before.kept /tmp/after.kept
for f in $two $three; do echo 1 > $pci/$f/enable; done
check "and answer so" $identity -H -n 200 -p 1 $kept
for f in $two $three; do echo 0 > $pci/$f/enable; done
check "rescan" rescan
# shellcheck disable=SC2086
# Linux places windows anew, but does not open those of ports that are enabled.
check "refused, and the uppermost port named, which is to be removed" says "0000:03:00.*the port 0000:00:01.0 .*does not pass" refuses $iomul attach $lost
check "remove the ports, and rescan" sh -c "for p in $pci/0000:00:0[1-9a-f].0; do echo 1 > \$p/remove; done; echo 1 > /sys/bus/pci/rescan"
# Buses may have other numbers now.
# shellcheck disable=SC2046
check "attach again, where Linux has ports for them now" $iomul attach $(lspci -Dn | awk '$2 == "0104:" { print $1 }')
check "all answer" answers
verdict
