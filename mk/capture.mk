# SPDX-License-Identifier: GPL-2.0-only
# Captures of other machines: fixtures, mangled ones, fuzz.
#   FUZZ_SECONDS   how long each fuzzer runs (20)

BUILD ?= build
CLANG ?= clang
PKG_CONFIG ?= pkg-config
FUZZ_SECONDS ?= 20
capture-dir := $(BUILD)/capture
capture-src := $(wildcard cli/capture*.c) $(wildcard kmod/core/*.c) lib/libiomul.c tests/capture/fuzz_capture.c

.PHONY: check-capture check-capture-fuzz

check-capture: cli ## captures of other machines: whole, mangled, cut
	python3 tests/capture/run.py $(user-build)/iomul

$(capture-dir)/fuzz: $(capture-src) $(wildcard cli/capture.h cli/scan.h cli/snapshot.h kmod/core/*.h kmod/uapi/*.h)
	@mkdir -p $(@D)
	$(CLANG) -std=gnu11 -Wall -Wextra -Werror -g -O1 -D_GNU_SOURCE \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-Isim/shadow -Ikmod/core -Ikmod/uapi -Ilib -Icli $$($(PKG_CONFIG) --cflags json-c) \
		-o $@ $(capture-src) $$($(PKG_CONFIG) --libs json-c)

check-capture-fuzz: $(capture-dir)/fuzz cli ## fuzzes the parsers of captures for FUZZ_SECONDS
	@mkdir -p $(capture-dir)/corpus $(capture-dir)/seeds
	@cp tests/capture/fixtures/* $(capture-dir)/seeds/
	@printf '\036' | cat tests/capture/fixtures/plain-3.1-user.txt - \
		tests/capture/fixtures/plain-3.1-user.dmesg.txt > $(capture-dir)/seeds/two
	@$(user-build)/iomul snapshot --from tests/capture/fixtures/new-3.13.txt \
		> $(capture-dir)/seeds/snapshot.json 2>/dev/null
	$(capture-dir)/fuzz -max_total_time=$(FUZZ_SECONDS) -timeout=5 -max_len=20000 -print_final_stats=1 \
		-dict=tests/capture/capture.dict -artifact_prefix=$(capture-dir)/ \
		$(capture-dir)/corpus $(capture-dir)/seeds > $(capture-dir)/fuzz.log 2>&1 || \
		{ tail -n 40 $(capture-dir)/fuzz.log; exit 1; }
	@grep -E 'stat::number_of_executed|cov:' $(capture-dir)/fuzz.log | tail -n 2

.PHONY: check-docs
check-docs: ## every message, JSON key and metric is in the documentation
	python3 tests/docs/messages.py
	python3 tests/docs/schema.py
