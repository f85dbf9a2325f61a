# SPDX-License-Identifier: GPL-2.0-only
# Xen: the patched device model, and a lab with Xen in it. Everything is kept below build/.
#   XEN_DM=11.1          another release of QEMU than Debian 12's, with its own patch
#   XEN_LAB_SUITE=trixie another release of Debian with its Xen and kernel; dom0 runs, and the device model is
#                        built, in a root of that release

XEN_LAB_SUITE ?= bookworm
XEN_DM ?= $(if $(filter bookworm,$(XEN_LAB_SUITE)),7.2,11.1)

# Release of Debian and source package; what must be newer than Debian 12's to build it.
xen-dm-suite-7.2 := bookworm
xen-dm-source-7.2 := qemu
xen-dm-suite-11.1 := sid
xen-dm-source-11.1 := qemu=11.1.1+ds-1
xen-dm-tools-11.1 := meson python3-pycotap python3-qemu-qmp
xen-dm-configure-11.1 := --python=/usr/bin/python3 --enable-pixman

xen-version-bookworm := 4.17
xen-version-trixie := 4.20
xen-version := $(xen-version-$(XEN_LAB_SUITE))
xen-kernel-trixie := 6.12

# Debian 12's are built with what the machine has, others in the root that dom0 is to have.
xen-other := $(filter-out bookworm,$(XEN_LAB_SUITE))
xen-root := $(BUILD)/xen$(if $(xen-other),/$(xen-other))/root
xen-dm-base := $(BUILD)/xen-dm$(if $(xen-other),/$(xen-other))
xen-dm-dir := $(xen-dm-base)/$(XEN_DM)
xen-dm-in := $(if $(xen-other),lab/xen/in-root $(xen-root))
xen-dm-deps := bison flex libfdt-dev libglib2.0-dev libpixman-1-dev libxen-dev meson ninja-build \
	patch pkg-config python3-venv zlib1g-dev
xen-lab-packages := xen-hypervisor-4.17-amd64 xen-utils-4.17 xen-utils-common xenstore-utils \
	libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 libxenhypfs1 \
	libxenmisc4.17 libxenstore4 libxentoolcore1 libxentoollog1 libyajl2 qemu-system-xen seabios
# As the distribution's, without SPICE, USB and 9p of the host. Firmware is looked for in Debian's places from
# wherever the binary lies: QEMU takes for relative to itself what is below its prefix, so that is another one.
xen-dm-configure := --prefix=/usr/local --firmwarepath=/usr/share/qemu:/usr/share/seabios --disable-install-blobs \
	--without-default-features --enable-xen --enable-xen-pci-passthrough --enable-vnc \
	--target-list=i386-softmmu --disable-tcg --disable-kvm

.PHONY: xen-dm xen-dm-deps xen-dm-patch xen-lab check-xen check-xen-trixie clean-xen
clean: clean-xen

xen-dm: $(xen-dm-base)/qemu-system-i386-$(XEN_DM) ## Xen's device model with qemu/iomul-VERSION.patch
	ln -sf qemu-system-i386-$(XEN_DM) $(xen-dm-base)/qemu-system-i386

ifeq ($(xen-other),)
xen-dm-deps:
	@missing=$$(for p in $(xen-dm-deps); do \
		dpkg-query -W -f '$${db:Status-Abbrev}' $$p 2> /dev/null | grep -q ^ii || echo $$p; done); \
	if [ -n "$$missing" ]; then apt-get install -y --no-install-recommends $$missing; fi
else
xen-dm-deps: xen-lab
endif

# The sources are copied anew, with the times they had, so only what the patch changes is compiled again.
$(xen-dm-dir)/.patched: qemu/iomul-$(XEN_DM).patch kmod/uapi/iomul.h mk/xen.mk | xen-dm-deps
	@rm -rf $(xen-dm-dir)/src && mkdir -p $(xen-dm-dir)/obj
	cp -a "$$(lab/xen/debian -C $(BUILD)/debian -s $(xen-dm-suite-$(XEN_DM)) source $(xen-dm-source-$(XEN_DM)))" $(xen-dm-dir)/src
	$(if $(xen-dm-tools-$(XEN_DM)),lab/xen/debian -C $(BUILD)/debian -s $(xen-dm-suite-$(XEN_DM)) \
		unpack $(xen-dm-dir)/tools $(xen-dm-tools-$(XEN_DM)))
	patch -d $(xen-dm-dir)/src -p1 -F0 < $<
	cp kmod/uapi/iomul.h $(xen-dm-dir)/src/linux-headers/linux/
	touch $@

$(xen-dm-base)/qemu-system-i386-$(XEN_DM): $(xen-dm-dir)/.patched
	$(xen-dm-in) sh -ec 'cd $(abspath $(xen-dm-dir))/obj; \
		export PYTHONPATH=$(abspath $(xen-dm-dir))/tools/usr/lib/python3/dist-packages; \
		words="$(xen-dm-configure) $(xen-dm-configure-$(XEN_DM))"; \
		[ "$$(cat .words 2> /dev/null)" = "$$words" ] || \
			{ ../src/configure $$words; echo "$$words" > .words; }; \
		ninja -j$$(nproc) qemu-system-i386'
	strip -o $@ $(xen-dm-dir)/obj/qemu-system-i386

# For a packager: one file that stands alone, with the header in it.
xen-dm-patch: $(BUILD)/xen-dm/iomul-$(XEN_DM).patch ## the same patch with the header in it, for debian/patches
$(BUILD)/xen-dm/iomul-$(XEN_DM).patch: qemu/iomul-$(XEN_DM).patch kmod/uapi/iomul.h
	@mkdir -p $(@D)
	{ cat $<; diff -u --label /dev/null --label b/linux-headers/linux/iomul.h \
		/dev/null kmod/uapi/iomul.h || [ $$? = 1 ]; } > $@

xen-lab: ## unpack Debian's Xen for lab/xen-run; installs nothing
ifeq ($(xen-other),)
	lab/xen/debian -C $(BUILD)/debian -s $(XEN_LAB_SUITE) unpack $(xen-root) $(xen-lab-packages)
else
	lab/xen/root $(XEN_LAB_SUITE) $(xen-version)
	lab/kernels/fetch $(xen-kernel-$(XEN_LAB_SUITE))
	lab/kernels/build $(xen-kernel-$(XEN_LAB_SUITE))
endif

# A guest that does what a test asks of it; see there.
$(BUILD)/xen/guest.bin: lab/xen/guest.s
	@mkdir -p $(@D)
	as --32 -o $(@:.bin=.o) $< && ld -m elf_i386 -Ttext=0 --oformat=binary -o $@ $(@:.bin=.o)

check-xen: xen-dm xen-lab all $(BUILD)/xen/guest.bin ## Xen in the lab: guests boot from HBAs without ports
	tests/xen/run $(if $(xen-other),--root $(xen-root) --kernel $(BUILD)/kernels/$(xen-kernel-$(XEN_LAB_SUITE))) \
		--model $(xen-dm-base)/qemu-system-i386-$(XEN_DM) $(XEN_PARTS)

check-xen-trixie: ## the same with Debian 13's Xen 4.20 and Linux 6.12
	$(MAKE) check-xen XEN_LAB_SUITE=trixie

clean-xen:
	rm -rf $(BUILD)/xen-dm $(BUILD)/xen
