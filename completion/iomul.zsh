#compdef iomul
# SPDX-License-Identifier: GPL-2.0-only
# zsh completion for iomul: verbs, options, slots of this machine.

_iomul_slots() {
	local d
	local -a slots
	for d in ${IOMUL_SYSFS:-/sys}/bus/pci/devices/*(N); do
		# Ports (class 0604) don't share.
		[[ $(<$d/class) == 0x0604* ]] && continue
		slots+=(${${d:t}%.*})
	done
	slots=(${(u)slots})
	# 05:00 is short for 0000:05:00.
	compadd -- $slots ${slots#0000:}
}

_iomul() {
	local help json from
	local -a verbs policy choose
	verbs=(
		'plan:who has ports, who has none, what sharing would do'
		'attach:let slots share'
		'detach:put back what attach found'
		'status:groups, slots, owners, counters'
		'snapshot:keep the PCI tree for a plan elsewhere'
		'lease:give a slot its window to itself, for a host driver'
		'bind:give slots to iomul-vfio-pci'
		'unbind:take slots back from iomul-vfio-pci'
		'boot:do what the kernel command line and /etc/iomul.conf ask for'
		'map:who has which ports, now and after a plan'
		'tree:gates, owners, windows, as lspci -t'
		'top:what each slot does, live'
		'metrics:the counters for Prometheus'
		'doctor:what is in the way, and what to do'
		'monitor:what happens to slots, as it happens'
		'help:about a verb'
		'version:of the command and the module'
	)
	help='(- *)--help[how it is used]'
	json='--json[for programs]'
	from='*--from[of another machine, from a capture]:file:_files'
	policy=('--windows[at most so many windows]:number:(1 2 3 4 auto)' '--reserve[windows to leave free]:number:')
	choose=($policy '--all[all that can share]' '--starved[those without ports]')
	if (( CURRENT == 2 )); then
		_describe verb verbs
		return
	fi
	local verb=$words[2]
	shift words
	(( CURRENT-- ))
	case $verb in
	plan) _arguments $help $json $from $choose '--steps[each step]' '*:slot:_iomul_slots' ;;
	attach)
		_arguments $help $json $choose '--future[slots where no device is now, too]' \
			'--save[into /etc/iomul.conf]' '*:slot:_iomul_slots'
		;;
	detach)
		_arguments $help $json '--all[all that share]' '--wait[until nobody holds one open]' \
			'*:slot:_iomul_slots'
		;;
	lease)
		_arguments $help '--wait[until nobody else has a lease]' '1:slot:_iomul_slots' '*::command:_normal'
		;;
	status) _arguments $help $json '--verify[compare with the hardware]' ;;
	bind | unbind) _arguments $help '*:slot:_iomul_slots' ;;
	boot) _arguments $help '--early[in the initramfs]' '--dry-run[only say what is asked for]' ;;
	map)
		_arguments $help $json $from $choose '--svg[a drawing]:file:_files' '--columns[width]:number:' \
			'*:slot:_iomul_slots'
		;;
	tree) _arguments $help $from '--dot[for Graphviz]' ;;
	top) _arguments $help $json '--interval[between two looks]:seconds:' '--once[one table]' ;;
	metrics) _arguments $help '--output[write there]:file:_files' ;;
	doctor | monitor | version) _arguments $help $json ;;
	snapshot) _arguments $help $from ;;
	help) (( CURRENT == 2 )) && _describe verb verbs ;;
	esac
}

_iomul "$@"
