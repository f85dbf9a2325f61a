# SPDX-License-Identifier: GPL-2.0-only
# Speed, as ratios to rivals in the same run; counts of instructions are exact.

bench-dir := $(BUILD)/bench
bench-warn := -std=gnu11 -O2 -Wall -Wextra -Werror

.PHONY: bench bench-check bench-programs
bench-programs: $(bench-dir)/core $(bench-dir)/access

$(bench-dir)/core: bench/core.c $(wildcard kmod/core/*.[ch])
	@mkdir -p $(@D)
	$(CC) $(bench-warn) -Isim/shadow -Ikmod/core -o $@ bench/core.c $(wildcard kmod/core/*.c)

$(bench-dir)/access: bench/access.c kmod/uapi/iomul.h
	@mkdir -p $(@D)
	$(CC) $(bench-warn) -Ikmod/uapi -o $@ $<

bench: user kmod bench-programs ## ratios to stock vfio-pci, vgaarb and raw access; writes build/bench.json
	lab/run bench --icount --timeout 900 --out $(bench-dir)/icount --script bench/server > /dev/null
	lab/run bench --smp 1 --timeout 900 --out $(bench-dir)/wall --script bench/server > /dev/null
	$(bench-dir)/core > $(bench-dir)/core.json
	bench/report $(BENCH_FLAGS) $(bench-dir)/icount/access.json $(bench-dir)/core.json $(bench-dir)/wall/access.json

bench-check: user kmod bench-programs ## no more instructions for an access than in bench/baseline.json
	lab/run bench --icount --timeout 900 --out $(bench-dir)/icount --script bench/server > /dev/null
	bench/report --check $(bench-dir)/icount/access.json
