# SPDX-License-Identifier: GPL-2.0-only
# bash completion for iomul: verbs, options, slots of this machine.

_iomul_slots()
{
	local d
	for d in /sys/bus/pci/devices/*; do
		[[ -e $d ]] || continue
		# Ports (class 0604) don't share.
		[[ $(<"$d/class") == 0x0604* ]] && continue
		d=${d##*/}
		d=${d%.*}
		printf '%s\n' "$d" "${d#0000:}"
	done | sort -u
}

_iomul()
{
	local cur=${COMP_LINE:0:COMP_POINT} verb=${COMP_WORDS[1]} words i
	cur=${cur##* }
	if [[ $COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "plan attach detach status bind unbind boot map tree top metrics doctor snapshot help version" -- "$cur")
		return
	fi
	case $verb in
	plan) words="--all --starved --windows --reserve --steps --json --from --help $(_iomul_slots)" ;;
	attach) words="--all --starved --windows --reserve --save --json --help $(_iomul_slots)" ;;
	detach) words="--all --json --help $(_iomul_slots)" ;;
	status) words="--verify --json --help" ;;
	bind | unbind) words="--help $(_iomul_slots)" ;;
	map) words="--all --starved --windows --reserve --svg --json --columns --from --help $(_iomul_slots)" ;;
	tree) words="--dot --from --help" ;;
	top) words="--interval --once --json --help" ;;
	metrics) words="--output --help" ;;
	doctor) words="--json --help" ;;
	snapshot) words="--from --help" ;;
	boot) words="--early --dry-run --help" ;;
	help) words="plan attach detach status bind unbind boot map tree top metrics doctor snapshot help version" ;;
	version) words="--json --help" ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	# Readline breaks words at colons: hand over what stands behind the last one.
	if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
		for i in "${!COMPREPLY[@]}"; do
			COMPREPLY[i]=${COMPREPLY[i]#"${cur%"${cur##*:}"}"}
		done
	fi
}

complete -F _iomul iomul
