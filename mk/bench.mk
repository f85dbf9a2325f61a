# SPDX-License-Identifier: GPL-2.0-only
# Speed, as ratios to rivals in the same run; counts of instructions are exact.

bench-dir := $(BUILD)/bench
bench-warn := -std=gnu11 -O2 -Wall -Wextra -Werror
# The lab turns AppArmor off, upon which TOMOYO takes its place, which no server of Debian runs.
bench-lab := --append apparmor=1

.PHONY: bench bench-more bench-check bench-programs
bench-programs: $(bench-dir)/core $(bench-dir)/access $(bench-dir)/contend $(bench-dir)/native

$(bench-dir)/core: bench/core.c $(wildcard kmod/core/*.[ch])
	@mkdir -p $(@D)
	$(CC) $(bench-warn) -Isim/shadow -Ikmod/core -o $@ bench/core.c $(wildcard kmod/core/*.c)

$(bench-dir)/access $(bench-dir)/contend: $(bench-dir)/%: bench/%.c kmod/uapi/iomul.h
	@mkdir -p $(@D)
	$(CC) $(bench-warn) -Ikmod/uapi -o $@ $<

# The kernel's headers that turn.c includes are bench/native/shadow.h, all of them.
bench-shadow := $(addprefix $(bench-dir)/shadow/,have.h trace/define_trace.h $(addprefix linux/,$(addsuffix .h,atomic delay \
	export io ioport kref ktime list minmax mutex pci rculist sched sched/signal slab spinlock tracepoint uaccess wait)))
$(bench-shadow):
	@mkdir -p $(@D)
	@touch $@
$(bench-dir)/native: $(wildcard bench/native/*) $(wildcard kmod/*.[ch] kmod/core/*.h) $(bench-shadow)
	$(CC) $(bench-warn) -Wno-unused -D_GNU_SOURCE -include bench/native/shadow.h -Isim/shadow -I$(bench-dir)/shadow \
		-Ikmod -Ikmod/core -o $@ bench/native/main.c kmod/turn.c -lpthread

bench: user kmod bench-programs ## ratios to stock vfio-pci, vgaarb and raw access; writes build/bench.json
	lab/run bench $(bench-lab) --icount --timeout 900 --out $(bench-dir)/icount --script bench/server > /dev/null
	lab/run bench $(bench-lab) --smp 1 --timeout 900 --out $(bench-dir)/wall --script bench/server > /dev/null
	$(bench-dir)/core > $(bench-dir)/core.json
	bench/report $(BENCH_FLAGS) $(bench-dir)/icount/access.json $(bench-dir)/core.json $(bench-dir)/wall/access.json

bench-more: user kmod bench-programs ## 240 sharers, contention, two groups, guests at once; added to build/bench.json
	lab/run sharers $(bench-lab) --icount --timeout 900 --out $(bench-dir)/more --script bench/server-many > /dev/null
	lab/run nics24 $(bench-lab) --smp 2 --parallel --timeout 900 --out $(bench-dir)/more --script bench/server-contend > /dev/null
	lab/run bigiron24 $(bench-lab) --icount --timeout 3600 --out $(bench-dir)/more --script bench/server-guests > /dev/null
	$(bench-dir)/native > $(bench-dir)/more/native.json
	bench/report --more $(bench-dir)/more/native.json $(bench-dir)/more/many.json $(bench-dir)/more/contend.json $(bench-dir)/more/guests.json

bench-check: user kmod bench-programs ## no more instructions for an access than in bench/baseline.json
	lab/run bench $(bench-lab) --icount --timeout 900 --out $(bench-dir)/icount --script bench/server > /dev/null
	bench/report --check $(bench-dir)/icount/access.json
