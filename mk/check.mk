# SPDX-License-Identifier: GPL-2.0-only
# The README's two commands, and what they need.

.PHONY: deps demo check

deps:
	tests/deps tests/packages lab/packages

demo: ## a server with 24 HBAs and ports for 15: shares one window, boots 24 guests
	@$(MAKE) --no-print-directory deps >/dev/null
	@echo "building" && $(MAKE) --no-print-directory -s user kmod
	@lab/run bigiron24 --timeout 900 --script lab/scripts/demo

check: ## every check that is run with each change; ends with "N passed, N failed"
	$(MAKE) deps
	$(MAKE) user kmod vm-tests debug-programs bench-programs
	tests/check
