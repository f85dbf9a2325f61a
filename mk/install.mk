# SPDX-License-Identifier: GPL-2.0-only
# What goes onto a machine, and off it again; Debian packages.
#   DESTDIR=DIR  PREFIX=/usr/local  LIBDIR=$(PREFIX)/lib
#   DKMS=1       the module's sources for DKMS instead of modules for KVER
# Without DESTDIR, make install also runs depmod.

INITRAMFSDIR ?= $(if $(filter /usr,$(PREFIX)),/usr/share/initramfs-tools,/etc/initramfs-tools)
install-sbin := $(PREFIX)/sbin
install-subst = sed 's|@SBINDIR@|$(install-sbin)|g'
modules-dir = /lib/modules/$(KVER)/updates
dkms-dir = /usr/src/pci-iomul-$(VERSION)

.PHONY: check-cli-boot check-install install-init install-kmod install-dkms uninstall deb check-boot clean-deb
install: install-init $(if $(DKMS),install-dkms,install-kmod)
clean: clean-deb

install-init: ## udev, modprobe.d, systemd and initramfs files, /etc/iomul.conf if there is none
	install -D -m 644 init/60-iomul.rules $(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-iomul.rules
	install -D -m 644 init/iomul.modprobe $(DESTDIR)$(PREFIX)/lib/modprobe.d/iomul.conf
	install -D -m 644 init/iomul.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/iomul.conf
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)/etc \
		$(DESTDIR)$(INITRAMFSDIR)/hooks $(DESTDIR)$(INITRAMFSDIR)/scripts/init-top
	$(install-subst) init/iomul.service.in > $(DESTDIR)$(PREFIX)/lib/systemd/system/iomul.service
	$(install-subst) init/initramfs-hook.in > $(DESTDIR)$(INITRAMFSDIR)/hooks/iomul
	chmod 755 $(DESTDIR)$(INITRAMFSDIR)/hooks/iomul
	install -m 755 init/initramfs-init-top $(DESTDIR)$(INITRAMFSDIR)/scripts/init-top/iomul
	[ -e $(DESTDIR)/etc/iomul.conf ] || install -m 644 init/iomul.conf $(DESTDIR)/etc/iomul.conf

install-kmod: kmod ## the modules, for the kernel KVER
	install -D -m 644 -t $(DESTDIR)$(modules-dir) $(kmod-dir)/iomul.ko $(kmod-dir)/iomul-vfio-pci.ko
	$(if $(DESTDIR),,depmod $(KVER))

install-dkms: ## the modules' sources, for dkms add
	cd kmod && find . -type f ! -name '.*' ! -name '*.o' ! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' \
		-exec install -D -m 644 {} $(abspath $(DESTDIR)/)$(dkms-dir)/{} \;

# Installs aside and removes what came of it, so that the two can't differ. Directories that are not its
# own stay, as whoever made them is not known.
uninstall: ## remove what make install installed (same DESTDIR, PREFIX, DKMS); keeps a changed iomul.conf
	@set -e; aside=$$(mktemp -d); trap 'rm -rf "$$aside"' EXIT; \
	$(MAKE) -s install DESTDIR="$$aside" PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) DKMS=$(DKMS) > /dev/null; \
	conf=$(DESTDIR)/etc/iomul.conf; \
	if [ -e "$$conf" ] && ! cmp -s init/iomul.conf "$$conf"; then \
		echo "$$conf was changed and stays"; rm "$$aside/etc/iomul.conf"; \
	fi; \
	(cd "$$aside" && find . ! -type d) | while read -r file; do rm -f "$(DESTDIR)/$$file"; done; \
	(cd "$$aside" && find . -depth -type d \( -name iomul -o -path '*$(dkms-dir)*' \)) | \
	while read -r dir; do rmdir "$(DESTDIR)/$$dir" 2>/dev/null || true; done
	$(if $(DESTDIR)$(DKMS),,depmod $(KVER))
	$(if $(DESTDIR),,ldconfig)

# From the checkout's own files, in a copy. The address in debian/ is nobody's on purpose: who hands
# packages to others puts theirs in, MAINTAINER="Name <address>".
deb: ## Debian packages, in build/deb
	rm -rf $(BUILD)/deb
	mkdir -p $(BUILD)/deb/pci-iomul-$(VERSION)
	tar -c --exclude=./build --exclude=./.git --exclude=__pycache__ Makefile README.md completion debian docs init \
		kmod lib cli man mk sim/shadow | tar -x -C $(BUILD)/deb/pci-iomul-$(VERSION)
	$(if $(MAINTAINER),sed -i 's|pci-iomul maintainers <.*>|$(MAINTAINER)|' \
		$(BUILD)/deb/pci-iomul-$(VERSION)/debian/control $(BUILD)/deb/pci-iomul-$(VERSION)/debian/changelog)
	cd $(BUILD)/deb/pci-iomul-$(VERSION) && dpkg-buildpackage -us -uc -b --no-sign
	lintian --fail-on error,warning --info $(BUILD)/deb/*.changes

check-cli-boot: cli ## the verb boot on sysfs trees: the command line, paths, /etc/iomul.conf
	python3 tests/cli/boot.py $(BUILD)/iomul

check-install: user kmod ## make install and uninstall on a copy of this machine's file system (root)
	tests/install

check-boot: deb ## a Debian with the packages in it boots with guestdev= on its command line
	tests/boot/run

clean-deb:
	rm -rf $(BUILD)/deb
