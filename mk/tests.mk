# SPDX-License-Identifier: GPL-2.0-only
# Tests of core in user space: unit, model, fuzz, scale, mutants, coverage.
# Works by itself too: make -f mk/tests.mk check-core

BUILD ?= build
test-make := -f $(firstword $(MAKEFILE_LIST))
CC ?= gcc
CLANG ?= clang
test-build := $(BUILD)/tests
test-warn := -std=gnu11 -Wall -Wextra -Werror
test-inc := -D_GNU_SOURCE -Isim/shadow -Ikmod/core -Ikmod/uapi -Isim -Itests/unit
test-asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
test-core := $(wildcard kmod/core/*.c)
test-sim := $(wildcard sim/*.c)
test-src := $(test-core) $(test-sim)
unit-names := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
unit-out := $(unit-names:%=$(test-build)/unit/%)

.PHONY: check-unit check-model check-model-deep check-fuzz check-scale check-core check-mutants check-mutants-shell check-torture-core fuzz coverage clean-tests

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
$$(test-build)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	$$(test-cc-$(1)) $$(test-warn) $$(test-flags-$(1)) $$(test-inc) -MMD -MP -c -o $$@ $$<
endef
$(foreach way,asan fast cov fuzz,$(eval $(call test-objects,$(way))))

$(test-build)/unit/%: $(test-build)/asan/tests/unit/%.o $(test-obj-asan)
	@mkdir -p $(@D)
	$(CC) $(test-asan) -o $@ $^ -lcmocka

check-unit: $(unit-out) ## core's unit tests
	@tests/run $(unit-out)

# All gate trees up to 4 slots and 3 levels; a small run under ASan first.
model-src := $(wildcard tests/model/*.c)
define model-program
$$(test-build)/model-$(1): $$(model-src:%.c=$$(test-build)/$(1)/%.o) $$(test-obj-$(1))
	$$(test-cc-$(1)) $$(test-warn) $$(test-flags-$(1)) -o $$@ $$^
endef
$(foreach way,asan fast cov,$(eval $(call model-program,$(way))))

check-model: $(test-build)/model-asan $(test-build)/model-fast ## core's mux, all states of small fabrics
	@tests/run "$(test-build)/model-asan 2 3" "$(test-build)/model-fast $(MODEL)"

check-model-deep: $(test-build)/model-fast ## the same with more slots of several functions, and deeper
	@tests/run "$(test-build)/model-fast 3 4 3 3" "$(test-build)/model-fast 4 3 4 4"

$(test-build)/scale: $(test-build)/fast/tests/scale/scale.o $(test-obj-fast)
	$(CC) $(test-warn) $(test-flags-fast) -o $@ $^

check-scale: $(test-build)/scale ## core's cost grows with the number of functions, no faster
	@tests/run $(test-build)/scale

# Core under fire: see tests/torture.
define torture-program
$$(test-build)/torture-$(1): $$(test-build)/$(1)/tests/torture/engine.o $$(test-build)/$(1)/tests/fuzz/random_world.o \
		$$(test-obj-$(1))
	$$(test-cc-$(1)) $$(test-warn) $$(test-flags-$(1)) -o $$@ $$^
endef
$(foreach way,asan fast cov,$(eval $(call torture-program,$(way))))

TORTURE_SEED ?= $(shell date +%s)
TORTURE_SHORT ?= 2000000
TORTURE_ACCESSES ?= 100000000
check-torture-core: $(test-build)/torture-asan $(test-build)/torture-fast ## core under fire: a hundred million accesses that must reach their device
	@tests/run "$(test-build)/torture-asan -s $(TORTURE_SEED) -n $(TORTURE_SHORT)" \
		"$(test-build)/torture-fast -s $(TORTURE_SEED) -n $(TORTURE_ACCESSES)"

# libFuzzer with reference models: bounded here, as long as one likes with "fuzz".
fuzz-names := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
fuzz-out := $(fuzz-names:%=$(test-build)/fuzz-bin/%)
fuzz-common := $(test-build)/fuzz/tests/fuzz/random_world.o
FUZZ_SECONDS ?= 8
FUZZ_SEED ?= 1

$(test-build)/fuzz-bin/%: $(test-build)/fuzz/tests/fuzz/%.o $(fuzz-common) $(test-obj-fuzz)
	@mkdir -p $(@D)
	$(CLANG) -g -fsanitize=fuzzer,address,undefined -o $@ $^

check-fuzz: $(fuzz-out) ## core against reference models, some seconds each
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_SEED) $(fuzz-out)

fuzz: $(fuzz-out) ## the same for an hour each (FUZZ_LONG=seconds), random seed
	@tests/fuzz/run $(or $(FUZZ_LONG),3600) 0 $(fuzz-out)

check-core: ## all of these
	@tests/run "$(MAKE) -s $(test-make) check-unit" "$(MAKE) -s $(test-make) check-model" \
		"$(MAKE) -s $(test-make) check-fuzz" "$(MAKE) -s $(test-make) check-scale"

check-mutants: ## bugs seeded on purpose, each must be noticed (MUTANT=pattern)
	@tests/mutants/run $(BUILD) '$(or $(MUTANT),*)' $(wildcard $(BUILD)/cbmc/cbmc)

check-mutants-shell: deps ## bugs seeded in the modules, each must be noticed in a virtual server (MUTANT=pattern)
	tests/mutants/run-shell $(BUILD) '$(or $(MUTANT),*)'

# What a layer of tests needs, without running it.
.PHONY: unit model torture fuzz-build
unit: $(unit-out)
model: $(test-build)/model-asan $(test-build)/model-fast
torture: $(test-build)/torture-asan $(test-build)/torture-fast
fuzz-build: $(fuzz-out)

# Unit tests, the small model, some torture: lines and branches of core that they reach.
cov-out := $(unit-names:%=$(test-build)/cov-bin/%) $(test-build)/model-cov $(test-build)/torture-cov $(test-build)/plan-cov
$(test-build)/cov-bin/%: $(test-build)/cov/tests/unit/%.o $(test-obj-cov)
	@mkdir -p $(@D)
	gcc --coverage -o $@ $^ -lcmocka

$(test-build)/plan-cov: $(patsubst %,$(test-build)/cov/tests/fuzz/%.o,standalone plan_fuzz random_world) $(test-obj-cov)
	gcc --coverage -o $@ $^

coverage: $(cov-out) ## branches of core that the tests reach
	@find $(test-build)/cov -name '*.gcda' -delete
	@tests/run $(unit-names:%=$(test-build)/cov-bin/%) "$(test-build)/model-cov 2 3" \
		"$(test-build)/torture-cov -s 1 -n 300000" "$(test-build)/plan-cov 3000" > $(test-build)/coverage.log
	@tests/coverage $(test-build)/cov

clean-tests:
	rm -rf $(test-build)

-include $(shell find $(test-build) -name '*.d' 2>/dev/null)
.SECONDARY:
