# SPDX-License-Identifier: GPL-2.0-only
# The kernel modules, built beside the sources: build/kmod/RELEASE/*.ko.
#   KVER=RELEASE   for another kernel than the newest whose headers are installed
#   KDIR=DIR       its build directory
#   KFLAGS="W=1 C=1"

KVER ?= $(shell cd /lib/modules && ls -d */build 2>/dev/null | sed 's,/build,,' | sort -V | tail -1)
KDIR ?= /lib/modules/$(KVER)/build
KFLAGS ?=
kmod-dir := $(BUILD)/kmod/$(KVER)
kmod-src := $(shell find kmod -name '*.[ch]' -o -name Kbuild)

.PHONY: kmod clean-kmod
all: kmod
clean: clean-kmod

kmod: $(kmod-dir)/.built ## the kernel modules

# Sources are copied, since kbuild leaves its objects beside them.
$(kmod-dir)/.built: $(kmod-src) mk/kmod.mk
	@mkdir -p $(kmod-dir)
	@cd kmod && find . \( -name '*.[ch]' -o -name Kbuild \) -exec cp -u --preserve=timestamps --parents {} $(abspath $(kmod-dir)) \;
	$(MAKE) -C $(KDIR) M=$(abspath $(kmod-dir)) $(KFLAGS) modules
	@touch $@

clean-kmod:
	rm -rf $(BUILD)/kmod
