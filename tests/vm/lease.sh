#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# In the virtual server shared-bus, modules loaded: host drivers on slots that share, without
# a lease and with one, while bystanders are accessed.
# usage, as root: lease.sh. Ends with "N passed, N failed".
set -u
# shellcheck source=tests/vm/lib.sh
. "$(dirname "$0")/lib.sh"

modprobe -q 8250_pci
[ -d /sys/bus/pci/drivers/serial ] || { echo "skipped lease: this kernel has no CONFIG_SERIAL_8250_PCI"; exit 77; }
serial=0000:09:00.0		# gated at its port
left=0000:0b:01.0 right=0000:0b:02.0	# side by side on a bus, gated at the function
nic=0000:08:00.0
loopback=$top/tests/vm/loopback.py

bind() { echo "$2" > "/sys/bus/pci/drivers/$1/bind"; }
unbind() { echo "$1" > "$pci/$1/driver/unbind"; }
# The serial core keeps a port without ports, as one of unknown type.
serves() { $loopback "$1" 10; }
# Accesses of the bystander slot 03:00 so far.
accesses() { slot_state 0000:03:00 | awk '{ print $7 }'; }
moved() { [ "$(accesses)" != "$a" ]; }
rests() { a=$(accesses); sleep 0.5; ! moved; }
works() { a=$(accesses); wait_for moved; }
# Each wait of a slot is in one of the buckets of its histogram.
buckets_add_up() {
	$iomul status --json | python3 -c 'import json, sys
slots = json.load(sys.stdin)["slots"]
for s in slots:
    print(s["slot"], s["waits"], sum(s["wait_buckets"]))
sys.exit(any(s["waits"] != sum(s["wait_buckets"]) for s in slots) or not any(s["waits"] for s in slots))'
}
# Config writes to gates so far.
writes() { $iomul metrics | awk '/^iomul_group_config_writes_total/ { n += $2 } END { print n }'; }

cat /proc/ioports > /tmp/before
check "a host driver has its ports" serves $serial
refused=$($iomul attach 09:00 2>&1) && refused="attached: $refused"
check "attach refuses them by the driver's name: $refused" expr "$refused" : ".*09:00.*driver serial"
check "and nothing has changed" cmp /tmp/before /proc/ioports
check "nor for the driver" serves $serial
for f in $serial $left $right; do unbind "$f"; done
check "attach" $iomul attach --all --windows 1
cat /proc/ioports > /tmp/attached

# A host driver on a slot that shares.
bind serial $serial 2> /dev/null
check "no lease: the serial driver gets no ports" refuses serves $serial
unbind $serial 2> /dev/null
check "no lease: nobody got ports" cmp /tmp/attached /proc/ioports
modprobe e1000e
check "no lease: a NIC's driver is bound" wait_for bound_to $nic e1000e
check "and works through its memory BARs" sh -c "grep -qi 52:54:00 $pci/$nic/net/*/address &&
	ip link set \$(ls $pci/$nic/net) up"
check "while its slot's ports answer to who asks through the module" answers 0000:08:00
check "and so do all others" answers

BOUND_MS=999999	# that they wait is the point
bystanders_start 0000:03:00 0000:04:00 0000:07:00 0000:0b:03
check "bystanders are at work" works

# A lease, and a driver that uses ports.
check "lease, bind, use" $iomul lease 09:00 -- sh -c "
	echo $serial > /sys/bus/pci/drivers/serial/bind && $loopback $serial"
check "the driver keeps the lease" leased 0000:09:00
check "and is named" sh -c "$iomul status | grep -q '09:00.* serial .*leased'"
check "it has its ports, and covers keep others off the rest" sh -c '
	grep -A9 "iomul group" /proc/ioports | grep -q ": serial" && grep -q "iomul lease" /proc/ioports'
check "bystanders wait" rests
check "the driver goes on" $loopback $serial
check "its function can't be claimed" refuses answers 0000:09:00
check "a second lease is refused" refuses $iomul lease 03:00 -- true
check "detach is refused" refuses $iomul detach 09:00
check "detach of all, too" refuses $iomul detach --all
check "and has not touched anything: the driver goes on" $loopback $serial
modprobe sym53c8xx
check "a driver on another slot gets no ports" refuses bound_to 0000:0b:05.0 sym53c8xx
check "nothing was opened by that" verified
check "the driver still goes on" $loopback $serial

# Events of others while a driver uses the window.
echo 1 > $pci/0000:05:00.0/remove
check "a bystander is unplugged" wait_for gone 0000:05:00
check "the driver does not notice" $loopback $serial
rescan
sleep 0.5
check "it comes back, and has to wait" gone 0000:05:00
setpci -s 02:00.0 COMMAND=0007:0007
check "somebody opens a gate, the filter keeps it shut" verified
check "the driver goes on after that" $loopback $serial
# Another's gate and the lessee's: of two that are touched the latter must not be shut with the former.
gate=$(slot_state 0000:09:00 | awk '{ print $3 }')
check "what the rescan touched is settled" "$top/build/debug/try" repair
w=$(writes)
setpci -s 02:00.0 COMMAND=0007:0007
setpci -s "$gate" COMMAND=0006:0007
check "somebody shuts the lessee's gate as well" "$top/build/debug/try" repair
check "only the other one is written to" [ $(($(writes) - w)) = 1 ]
check "the driver goes on after that, too" $loopback $serial
# The same, after what was touched could not be reached to be shut: bus numbers were away.
numbers=$(setpci -s 00:01.0 18.l)
setpci -s 00:01.0 18.l="$(printf '%x' $((0x$numbers & 0xff000000)))"
"$top/build/debug/try" repair > /dev/null
setpci -s 00:01.0 18.l="$numbers"
w=$(writes)
check "gates were out of reach and are back" "$top/build/debug/try" repair
w=$(($(writes) - w))
others=$(($(ls -d $pci/0000:02:* | wc -l) - 1))
check "beside the lessee's there are $others gates, written to are $w" [ $w = $others ]
check "the driver goes on as if nothing had been" $loopback $serial
check "module can't be unloaded" refuses rmmod iomul

# The serial core takes two ports of one number for the same, and lets go of the first.
bind serial $left 2> /dev/null
check "a second serial port gets no ports" refuses serves $left
unbind $left 2> /dev/null
unbind $serial
check "unbound: the lease is over" wait_for not_leased 0000:09:00
check "bystanders go on" works
check "the slot shares again like any" answers 0000:09:00
check "the one that came back shares" wait_for shares 0000:05:00
check "and answers" answers 0000:05:00

# Gates at functions: the neighbour on the bus has the same ports, too.
$iomul lease 0b:01 > /tmp/lease.out 2>&1 & lease=$!
check "lease of a slot on a shared bus" wait_for leased 0000:0b:01
bind serial $right 2> /dev/null
check "the neighbour's driver gets no ports" refuses serves $right
unbind $right 2> /dev/null
bind serial $left
check "the lessee's does, and works" $loopback $left
kill -KILL $lease
wait $lease 2> /dev/null
check "holder killed: the driver keeps its ports" $loopback $left
check "and the lease" leased 0000:0b:01
unbind $left
check "until it is unbound" wait_for not_leased 0000:0b:01

$iomul lease 09:00 > /tmp/lease.out 2>&1 & lease=$!
check "lease without a driver" wait_for leased 0000:09:00
kill -KILL $lease
wait $lease 2> /dev/null
check "holder killed: it is over at once" not_leased 0000:09:00

# A VFIO driver asks for ports when its VMM wants: that of a neighbour would get the lessee's by number.
stock() { echo "$2" > $pci/$1/driver_override; echo $1 > /sys/bus/pci/drivers_probe; }
modprobe vfio-pci
stock $right vfio-pci
check "a neighbour is bound to vfio-pci" bound_to $right vfio-pci
refused=$($iomul lease 0b:01 -- true 2>&1) && refused="leased: $refused"
check "no lease beside it, by name: $refused" expr "$refused" : ".*0b:01.*0b:02.*vfio-pci.*"
unbind $right
check "without it there is one" $iomul lease 0b:01 -- true
$iomul lease 0b:01 > /tmp/lease.out 2>&1 & lease=$!
check "lease on a shared bus again" wait_for leased 0000:0b:01
stock $right vfio-pci
check "the neighbour is bound meanwhile" bound_to $right vfio-pci
bind serial $left 2> /dev/null
check "so the lessee's driver gets no ports" refuses serves $left
check "and the log says why" sh -c "dmesg | grep '$left: iomul: gets no ports.*$right.*vfio-pci'"
unbind $left 2> /dev/null
unbind $right
bind serial $left
check "without it it does" $loopback $left
unbind $left
stock $right iomul-vfio-pci
check "our own driver's neighbour" bound_to $right iomul-vfio-pci
bind serial $left
check "keeps it from nothing" $loopback $left
unbind $left
unbind $right
echo > $pci/$right/driver_override
kill $lease
wait $lease
check "over" wait_for not_leased 0000:0b:01

# The device goes away below its driver.
$iomul lease 09:00 > /tmp/lease.out 2>&1 & lease=$!
check "lease" wait_for leased 0000:09:00
bind serial $serial
check "driver" $loopback $serial 100
echo 1 > $pci/$serial/remove
check "removed: the lease is over" wait_for not_leased 0000:09:00
check "and the slot gone" wait_for gone 0000:09:00
check "bystanders go on after that" works
kill $lease
wait $lease
rescan
check "it shares again" wait_for shares 0000:09:00
unbind $serial 2> /dev/null	# the rescan bound it, without ports
check "it answers" answers 0000:09:00

bystanders_stop
check "all waits, for turns and for leases, are in the histograms" buckets_add_up
check "every register is as it should be" verified
modprobe -r e1000e sym53c8xx
check "detach" $iomul detach --all
for f in $serial $left $right; do bind serial "$f"; done
check "drivers have their ports again" $loopback $serial
check "everything as before the test" diff /tmp/before /proc/ioports
check "unload" sh -c "rmmod iomul-vfio-pci && rmmod iomul"
verdict
