#compdef iomul
# SPDX-License-Identifier: GPL-2.0-only
# zsh completion for iomul: verbs, options, slots of this machine.

_iomul_slots() {
	local d
	local -a slots
	for d in /sys/bus/pci/devices/*(N); do
		# Ports (class 0604) don't share.
		[[ $(<$d/class) == 0x0604* ]] && continue
		slots+=(${${d:t}%.*})
	done
	slots=(${(u)slots})
	# 05:00 is short for 0000:05:00.
	compadd -- $slots ${slots#0000:}
}

_iomul() {
	local -a verbs json policy
	verbs=(
		'plan:who has ports, who has none, what sharing would do'
		'attach:let slots share'
		'detach:put back what attach found'
		'status:groups, slots, owners, counters'
		'snapshot:keep the PCI tree for a plan elsewhere'
		'bind:give slots to iomul-vfio-pci'
		'unbind:take slots back from iomul-vfio-pci'
		'boot:do what the kernel command line and /etc/iomul.conf ask for'
		'map:who has which ports, now and after a plan'
		'tree:gates, owners, windows, as lspci -t'
		'top:what each slot does, live'
		'metrics:the counters for Prometheus'
		'doctor:what is in the way, and what to do'
		'help:about a verb'
		'version:of the command and the module'
	)
	json='--json[for programs]'
	policy=('--windows[at most so many windows]:number:(1 2 3 4 auto)' '--reserve[windows to leave free]:number:')
	if (( CURRENT == 2 )); then
		_describe verb verbs
		return
	fi
	local verb=$words[2]
	shift words
	(( CURRENT-- ))
	case $verb in
	plan)
		_arguments $json $policy '--all[all that can share]' '--starved[those without ports]' \
			'--steps[each step]' '--from[a capture]:file:_files' '*:slot:_iomul_slots'
		;;
	attach)
		_arguments $json $policy '--all[all that can share]' '--starved[those without ports]' \
			'--save[into /etc/iomul.conf]' '*:slot:_iomul_slots'
		;;
	detach) _arguments $json '--all[all that share]' '*:slot:_iomul_slots' ;;
	status) _arguments $json '--verify[compare with the hardware]' ;;
	bind | unbind) _arguments '*:slot:_iomul_slots' ;;
	boot) _arguments '--early[in the initramfs]' '--dry-run[only say what is asked for]' ;;
	map)
		_arguments $json $policy '--all[all that can share]' '--starved[those without ports]' \
			'--svg[a drawing]:file:_files' '--columns[width]:number:' \
			'--from[a capture]:file:_files' '*:slot:_iomul_slots'
		;;
	tree) _arguments '--dot[for Graphviz]' '--from[a capture]:file:_files' ;;
	top) _arguments $json '--interval[between two looks]:seconds:' '--once[one table]' ;;
	metrics) _arguments '--output[write there]:file:_files' ;;
	doctor) _arguments $json ;;
	snapshot) _arguments '--from[a capture]:file:_files' ;;
	help) _describe verb verbs ;;
	esac
}

_iomul "$@"
