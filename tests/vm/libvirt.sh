#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# docs/howto-libvirt.md and docs/howto-driverctl.md followed in a virtual server: libvirt
# starts a guest, QEMU in it without root rights, that boots from a shared HBA.
#
# usage, as root in bigiron24, with the packages libvirt-daemon, libvirt-daemon-driver-qemu,
# libvirt-clients, driverctl: libvirt.sh. Ends with "N passed, N failed".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d) || exit 1
chmod 755 "$work"
passed=0 failed=0

check() {
	status=$?
	word=ok
	if [ "$status" -eq 0 ]; then
		passed=$((passed + 1)) && echo "ok - $*"
	else
		word="not ok"
		failed=$((failed + 1))
		echo "not ok - $*"
		tail -n 20 "$work/out" /var/log/libvirt/qemu/*.log 2>/dev/null
	fi
}

# row HOW WHAT-HAPPENED: of the last check, for lab/kernels/libvirt's table
row() { printf 'ROW\t%s\t%s\t%s\n' "$1" "$word" "$2"; }

for program in libvirtd virsh driverctl; do
	command -v $program >/dev/null || { echo "skipped: $program is not here"; exit 0; }
done

# What udev and systemd do on a real host.
"$top/lab/scripts/load" && modprobe -a kvm-amd vfio-pci && chmod 666 /dev/kvm
getent group kvm >/dev/null || groupadd -r kvm
getent group libvirt >/dev/null || groupadd -r libvirt
getent group libvirt-qemu >/dev/null || groupadd -r libvirt-qemu
getent passwd libvirt-qemu >/dev/null || useradd -r -g kvm -d /var/lib/libvirt -s /usr/sbin/nologin libvirt-qemu
mkdir -p /run/libvirt /var/log/libvirt/qemu
# Where an installed package has the modules, for modprobe.
mkdir -p "/lib/modules/$(uname -r)/updates" &&
	cp "$top/build/kmod/$(uname -r)"/*.ko "/lib/modules/$(uname -r)/updates/" && depmod
cat >>/etc/libvirt/qemu.conf <<'CONF'
stdio_handler = "file"
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
CONF
printf 'log_outputs = "3:file:%s/libvirtd.log"\nauth_unix_rw = "none"\n' "$work" >>/etc/libvirt/libvirtd.conf
export LIBVIRT_DEFAULT_URI=qemu:///system
libvirtd -d >"$work/out" 2>&1
check "libvirtd starts"
i=0
until virsh list >"$work/out" 2>&1 || [ $i -ge 60 ]; do
	i=$((i + 1))
	sleep 1
done
virsh list >/dev/null 2>&1
check "libvirt $(virsh --version), QEMU $(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')"
[ $failed -eq 0 ] || { cat "$work/libvirtd.log" "$work/out"; exit 1; }

iomul attach --all >"$work/out" 2>&1
check "iomul attach --all"

# xml NAME BUS. No <boot order>: SeaBIOS looks for that in an option ROM, and there is none here.
xml() {
	cat <<XML
<domain type='kvm'>
  <name>$1</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='host-passthrough'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='$work/$1.serial'/></serial>
    <hostdev mode='subsystem' type='pci' managed='no'>
      <source><address domain='0x0000' bus='0x$2' slot='0x00' function='0x0'/></source>
      <rom bar='off'/>
    </hostdev>
  </devices>
</domain>
XML
}

# booted NAME BUS: the guest prints the token of the disk behind bus BUS, and is done.
booted() {
	i=0
	until grep -aq '^DONE' "$work/$1.serial" 2>/dev/null || [ $i -ge 200 ]; do
		i=$((i + 1))
		sleep 1
	done
	want=$(PYTHONPATH="$top/lab/guest" python3 -c "
import json, labtree
for d in json.load(open('/run/lab/manifest.json'))['devices']:
    p = labtree.directory(d)
    if p and p.name == '0000:$2:00.0':
        print(d['token'])")
	tr -d '\r' <"$work/$1.serial" | grep -a '^TOKEN ' | tee "$work/out"
	[ -n "$want" ] && [ "$(cat "$work/out")" = "TOKEN $want" ]
}

# The guide: libvirt's own detach first, the variant driver afterwards, managed='no'.
virsh nodedev-detach pci_0000_18_00_0 >"$work/out" 2>&1
check "virsh nodedev-detach"
iomul bind 18:00 >"$work/out" 2>&1
check "iomul bind after it"
xml shared 18 >"$work/shared.xml"
virsh define "$work/shared.xml" >"$work/out" 2>&1 && virsh start shared >>"$work/out" 2>&1
check "virsh start"
pid=$(cat /run/libvirt/qemu/shared.pid 2>/dev/null)
[ -n "$pid" ] && [ "$(stat -c %U "/proc/$pid")" != root ] && stat -c "QEMU runs as %U" "/proc/$pid"
check "QEMU has no root rights"
booted shared 18
check "the guest booted from its shared HBA"
row "\`virsh nodedev-detach\`, \`iomul bind\`, managed='no'" "the guest booted from its shared HBA; QEMU without root rights"
virsh destroy shared >"$work/out" 2>&1
check "virsh destroy"

# Without nodedev-detach this libvirt refuses; what it says stands in the guide.
iomul bind 17:00 >"$work/out" 2>&1
xml refused 17 >"$work/refused.xml"
virsh define "$work/refused.xml" >"$work/out" 2>&1
! virsh start refused >"$work/out" 2>&1 && grep -q "must be manually detached from the host" "$work/out"
check "without nodedev-detach it is refused: $(tail -n 2 "$work/out" | head -n 1)"
row "\`iomul bind\` only, managed='no'" "refused, with a message that says what to do"

# It can be done afterwards; then the slot is bound again, as nodedev-detach took it away.
virsh nodedev-detach pci_0000_17_00_0 >"$work/out" 2>&1 && iomul bind 17:00 >>"$work/out" 2>&1 &&
	virsh start refused >>"$work/out" 2>&1 && booted refused 17
check "and started after it was made good"
virsh destroy refused >"$work/out" 2>&1

driverctl --nosave set-override 0000:16:00.0 iomul-vfio-pci >"$work/out" 2>&1
[ "$(basename "$(readlink /sys/bus/pci/devices/0000:16:00.0/driver)")" = iomul-vfio-pci ]
check "driverctl binds the variant driver"
row "\`driverctl set-override\`" "bound to iomul-vfio-pci"

virsh undefine shared >/dev/null 2>&1
virsh undefine refused >/dev/null 2>&1
iomul unbind 16:00 17:00 18:00 >"$work/out" 2>&1 && iomul detach --all >>"$work/out" 2>&1
check "unbind and detach"
[ ! -e /run/libvirtd.pid ] || kill "$(cat /run/libvirtd.pid)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
