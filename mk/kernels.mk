# SPDX-License-Identifier: GPL-2.0-only
# Other kernels: Debian's, from 6.1 to the newest, fetched into build/kernels.
#   KERNELS="6.12 sid"   these only (lab/kernels/kernels.toml); the table in docs/ is of all

.PHONY: check-kernels clean-kernels
clean: clean-kernels

check-kernels: user vm-tests ## builds and tests the modules for many kernels, each in a virtual server; minutes each
	lab/kernels/check $(or $(KERNELS),--doc docs/kernels.md)

# What was fetched stays: build/kernels/*/{boot,build} and apt.
clean-kernels:
	rm -rf $(BUILD)/kernels/*/kmod $(BUILD)/kernels/log

.PHONY: check-vmms check-hosts check-arm64 check-libvirt check-cdev
check-cdev: user kmod vm-tests ## a kernel with iommufd, which Debian's are not, made from trixie's source: VFIO's other way
	lab/kernels/cdev

check-libvirt: user kmod ## libvirt and QEMU of this machine and of another suite, the driver named, bound, chosen
	lab/kernels/libvirt --doc docs/kernels.md

check-hosts: user kmod vm-tests ## the same tests on servers whose firmware and IOMMU differ
	lab/kernels/hosts --doc docs/kernels.md

check-vmms: user kmod ## guests of several QEMUs, under SeaBIOS and OVMF, with devices that share
	lab/kernels/vmms --doc docs/kernels.md

check-arm64: ## the module on an emulated arm64 machine
	lab/kernels/arm64

.PHONY: check-dkms
check-dkms: deb ## the DKMS package through an update of the kernel, in a Debian root
	tests/dkms/run
