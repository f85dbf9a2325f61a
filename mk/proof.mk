# SPDX-License-Identifier: GPL-2.0-only
# Proofs, models, static checks, and the kernels that watch.

proof-cbmc := $(BUILD)/cbmc
debug-dir := $(BUILD)/debug-kernel
debug-obj = $(debug-dir)/obj
debug-release = $(shell cat $(debug-obj)/include/config/kernel.release 2>/dev/null)
JOBS ?= 1

.PHONY: coverage-shell check-cbmc check-cbmc-long check-spin check-static debug-kernel check-debug check-rt \
	check-fuzz-long check-torture clean-proof

check-cbmc: $(proof-cbmc)/cbmc ## CBMC proves core: rules 1, 2, 5, 6, no undefined behaviour
	tests/proof/run $<
check-cbmc-long: $(proof-cbmc)/cbmc ## the same for larger trees: hours
	tests/proof/run --long -t 14400 $<
$(proof-cbmc)/cbmc:
	tests/proof/cbmc-fetch $(proof-cbmc)

check-spin: ## SPIN: the locking of the kernel shell, and bugs put into it on purpose
	tests/deps tests/proof/packages
	tests/proof/spin $(BUILD)/spin

check-static: ## compilers, sparse, clang-tidy, cppcheck, scan-build, shellcheck, codespell
	tests/deps tests/proof/packages
	tests/proof/static

debug-kernel: ## a kernel with KASAN, lockdep and the like (JOBS=n)
	tests/deps tests/debug/packages
	tests/debug/kernel $(debug-dir) $(JOBS)

check-debug: debug-kernel vm-tests cli debug-programs bench-programs $(BUILD)/torture/lab ## the tests of the lab in that kernel, fault injection, fuzzing, leaks
	$(MAKE) kmod KVER=$(debug-release) KDIR=$(abspath $(debug-obj))
	tests/debug/run $(debug-dir)/bzImage $(debug-dir)/root

check-fuzz-long: debug-kernel debug-programs ## ten million random calls in that kernel
	$(MAKE) kmod KVER=$(debug-release) KDIR=$(abspath $(debug-obj))
	tests/debug/run $(debug-dir)/bzImage $(debug-dir)/root fuzz-long

coverage-shell: debug-kernel vm-tests cli debug-programs ## basic blocks of the modules that tests in that kernel reach
	rm -rf $(BUILD)/kcov $(BUILD)/kmod/$(debug-release)
	$(MAKE) kmod KVER=$(debug-release) KDIR=$(abspath $(debug-obj)) KFLAGS=KCOV_INSTRUMENT=y
	lab/run tiny --kernel $(debug-dir)/bzImage --modules $(debug-dir)/root --mem 3G --timeout 1200 \
		--out $(BUILD)/kcov --script tests/debug/inside -- tests/debug/coverage.sh
	tests/debug/kcov-report $(BUILD)/kmod/$(debug-release) $(BUILD)/kcov/[0-9]*
	rm -rf $(BUILD)/kmod/$(debug-release)	# others want it without

check-rt: vm-tests cli debug-programs bench-programs $(BUILD)/torture/lab ## the tests of the lab in Debian's PREEMPT_RT kernel
	tests/debug/rt $(BUILD)/rt

# A hundred million accesses in the simulator, and what fits into the time in the lab. That is the
# server's own: with an instruction a nanosecond its waits don't depend on the host's load. An hour or so.
TORTURE_SECONDS ?= 360
ifndef TORTURE_SEED	# one for both
TORTURE_SEED := $(shell date +%s)
endif
check-torture: user kmod vm-tests debug-programs $(BUILD)/torture/lab ## everything at once, against a seed that is printed (TORTURE_SECONDS, TORTURE_SEED)
	$(MAKE) check-torture-core TORTURE_SEED=$(TORTURE_SEED)
	lab/run torture --icount --mem 3G --timeout $$(($(TORTURE_SECONDS) * 40 + 600)) --script tests/torture/lab.sh -- \
		$(TORTURE_SECONDS) $(TORTURE_SEED)
$(BUILD)/torture/lab: tests/torture/lab.c $(wildcard tests/vm/*.h) kmod/uapi/iomul.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Ikmod/uapi -Itests/vm -o $@ $<

# Programs that run in the server.
debug-names := $(patsubst tests/debug/%.c,%,$(filter-out tests/debug/kcov.c,$(wildcard tests/debug/*.c)))
.PHONY: debug-programs
debug-programs: $(debug-names:%=$(BUILD)/debug/%) $(BUILD)/debug/kcov.so
$(BUILD)/debug/kcov.so: tests/debug/kcov.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -shared -fPIC -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -o $@ $<
$(BUILD)/debug/%: tests/debug/%.c $(wildcard tests/vm/*.h) kmod/uapi/iomul.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Ikmod/uapi -Itests/vm -o $@ $<

clean: clean-proof
clean-proof:
	rm -rf $(BUILD)/cbmc $(BUILD)/spin $(BUILD)/rt $(BUILD)/debug $(BUILD)/torture
