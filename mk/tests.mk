# SPDX-License-Identifier: GPL-2.0-only
# Tests of core in user space: unit, model, fuzz, scale, mutants, coverage.
# Works by itself too: make -f mk/tests.mk check-core

BUILD ?= build
CC ?= gcc
CLANG ?= clang
test-build := $(BUILD)/tests
test-warn := -std=gnu11 -Wall -Wextra -Werror
test-inc := -D_GNU_SOURCE -Isim/shadow -Ikmod/core -Ikmod/uapi -Isim -Itests/unit
test-asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
test-core := $(wildcard kmod/core/*.c)
test-sim := $(wildcard sim/*.c)
test-src := $(test-core) $(test-sim)
test-dep := $(test-src) $(wildcard kmod/core/*.h kmod/uapi/*.h sim/*.h sim/shadow/linux/*.h tests/unit/*.h)
unit-names := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
unit-out := $(unit-names:%=$(test-build)/unit/%)

.PHONY: check-unit check-model check-model-deep check-fuzz check-scale check-core check-mutants fuzz coverage clean-tests

# Objects of core and sim, once for each way of building: asan, fast, fuzz, cov.
test-flags-asan := $(test-asan)
test-flags-fast := -O2 -g
test-flags-cov := -O0 -g --coverage
test-flags-fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
test-cc-asan := $(CC)
test-cc-fast := $(CC)
test-cc-cov := gcc
test-cc-fuzz := $(CLANG)
define test-objects
test-obj-$(1) := $$(test-src:%.c=$$(test-build)/$(1)/%.o)
$$(test-build)/$(1)/%.o: %.c $$(test-dep)
	@mkdir -p $$(@D)
	$$(test-cc-$(1)) $$(test-warn) $$(test-flags-$(1)) $$(test-inc) -c -o $$@ $$<
endef
$(foreach way,asan fast cov fuzz,$(eval $(call test-objects,$(way))))

$(test-build)/unit/%: $(test-build)/asan/tests/unit/%.o $(test-obj-asan)
	@mkdir -p $(@D)
	$(CC) $(test-asan) -o $@ $^ -lcmocka

check-unit: $(unit-out) ## core's unit tests
	@tests/run $(unit-out)

clean-tests:
	rm -rf $(test-build)

.SECONDARY:
