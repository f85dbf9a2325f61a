# SPDX-License-Identifier: GPL-2.0-only
# bash completion for iomul: verbs, options, slots of this machine.

_iomul_slots()
{
	local d
	for d in "${IOMUL_SYSFS:-/sys}"/bus/pci/devices/*; do
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
	local verbs="plan attach detach lease status bind unbind boot map tree top metrics doctor snapshot monitor help version"
	local line=${COMP_LINE:0:COMP_POINT} verb=${COMP_WORDS[1]} choose="--all --starved --windows --reserve"
	local cur=${line##* } words prev i
	line=${line%"$cur"}
	prev=${line%"${line##*[! ]}"}
	prev=${prev##* }
	if [[ $COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
		return
	fi
	case $prev in
	--from | --svg | --output)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--windows) words="1 2 3 4 auto" ;;
	--reserve | --columns | --interval) return ;;
	*)
		case $verb in
		plan) words="$choose --steps --json --from --help $(_iomul_slots)" ;;
		attach) words="$choose --future --save --json --help $(_iomul_slots)" ;;
		detach) words="--all --wait --json --help $(_iomul_slots)" ;;
		status) words="--verify --json --help" ;;
		lease) words="--wait --help $(_iomul_slots)" ;;
		bind | unbind) words="--help $(_iomul_slots)" ;;
		boot) words="--early --dry-run --help" ;;
		map) words="$choose --svg --json --columns --from --help $(_iomul_slots)" ;;
		tree) words="--dot --from --help" ;;
		top) words="--interval --once --json --help" ;;
		metrics) words="--output --help" ;;
		doctor | monitor | version) words="--json --help" ;;
		snapshot) words="--from --help" ;;
		help) words=$verbs ;;
		esac
		;;
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
