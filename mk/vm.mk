# SPDX-License-Identifier: GPL-2.0-only
# Long tests in virtual servers.
#   CASES="cascade scale"   some of the topologies' cases; ACCESSES=N

CASES ?= all
ACCESSES ?= 10000

.PHONY: check-topologies
check-topologies: user kmod vm-tests ## every topology end to end, with the witness (about 40 minutes)
	tests/vm/topology.py --accesses $(ACCESSES) $(CASES)
