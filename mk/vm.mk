# SPDX-License-Identifier: GPL-2.0-only
# Long tests in virtual servers.
#   CASES="cascade scale"   some of the topologies' cases; ACCESSES=N

CASES ?= all
ACCESSES ?= 10000

.PHONY: check-topologies
check-topologies: user kmod vm-tests ## every topology end to end, with the witness (about 40 minutes)
	tests/vm/topology.py --accesses $(ACCESSES) $(CASES)

# Events: what "make check" has in short, as often as it takes to be sure. KILLS=N, RESETS=N
KILLS ?= 1000
CYCLES ?= 1000
RESETS ?= 200
SUSPENDS ?= 10

TRACING := $(BUILD)/tracing

.PHONY: check-tracing
check-tracing: user kmod vm-tests ## the tracepoints by tracefs, perf and bpftrace, the metrics by promtool
	tests/deps tests/vm/tracing.packages
	[ -x $(TRACING)/usr/bin/bpftrace ] || lab/xen/debian -C $(BUILD)/debian -s bookworm unpack $(TRACING) bpftrace \
		$$(lab/xen/debian -C $(BUILD)/debian -s bookworm depends bpftrace)
	lab/run hotplug --smp 2 --parallel --timeout 900 --script tests/vm/loaded -- tests/vm/tracing.sh $(abspath $(TRACING))

.PHONY: check-kills check-cycles check-resets check-power
check-kills: user kmod vm-tests ## 1,000 processes killed in the middle of accesses
	lab/run switch8 --timeout 1800 --script tests/vm/loaded -- tests/vm/kill.sh $(KILLS)
# QEMU 7.2 with two processors: a segmentation fault of its own after some dozen switches were removed.
check-cycles: user kmod vm-tests ## attached and detached, unplugged and plugged in, 1,000 times each: nothing leaks
	lab/run hotplug --timeout 3600 --script tests/vm/loaded -- tests/vm/cycles.sh $(CYCLES) attach
	lab/run plugs --timeout 3600 --script tests/vm/loaded -- tests/vm/cycles.sh $(CYCLES) unplug
	lab/run hotplug --smp 1 --timeout 3600 --script tests/vm/loaded -- tests/vm/cycles.sh $(CYCLES) remove
check-resets: user kmod vm-tests ## VFIO resets by the hundred, bus resets, injected errors, power states
	lab/run resets --timeout 3600 --script tests/vm/loaded -- tests/vm/reset.sh $(RESETS)
check-power: user kmod vm-tests ## suspend to RAM, kexec with shared slots, D3hot on a QEMU that knows it
	tests/vm/suspend $(SUSPENDS)
	lab/run hotplug --script tests/vm/kexec.sh -- free
	lab/run hotplug --script tests/vm/kexec.sh -- held
	PATH="$$(lab/kernels/qemu sid):$$PATH" lab/run resets --append pcie_port_pm=force --script tests/vm/loaded -- tests/vm/sleep.sh
