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

# Programs for the virtual servers, and those that test the ABI for 32-bit callers.
vm-dir := $(BUILD)/vm
vm-names := $(patsubst tests/vm/%.c,%,$(wildcard tests/vm/*.c))
vm-flags := -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Ikmod/uapi

.PHONY: vm-tests
vm-tests: $(vm-names:%=$(vm-dir)/%) $(vm-dir)/abi32 ## programs that run in virtual servers
clean: clean-vm
.PHONY: clean-vm
clean-vm:
	rm -rf $(vm-dir)

$(vm-dir)/%: tests/vm/%.c $(wildcard tests/vm/*.h) kmod/uapi/iomul.h
	@mkdir -p $(@D)
	$(CC) $(vm-flags) -o $@ $<
$(vm-dir)/abi32: tests/vm/abi.c $(wildcard tests/vm/*.h) kmod/uapi/iomul.h
	@mkdir -p $(@D)
	$(CC) -m32 $(vm-flags) -o $@ $<
