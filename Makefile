# SPDX-License-Identifier: GPL-2.0-only
# pci-iomul. Each part describes itself in mk/*.mk and adds to the targets below.
BUILD ?= build
PREFIX ?= /usr/local
VERSION := 0.1.0

.DEFAULT_GOAL := all
.PHONY: all install clean help

all: ## build everything
install: ## install below $(DESTDIR)$(PREFIX)
clean: ## remove what was built

include $(sort $(wildcard mk/*.mk))

help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.* ## ' $(MAKEFILE_LIST) | sed -E 's/:.* ## /\t/' | sort -u | expand -t 20
