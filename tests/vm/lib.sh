# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034
# What the tests of events have in common; to be sourced. They end with "verdict".
#
# Bystanders are identity-checked all the while, in bounded portions, REST seconds apart.
# "event NAME" says what comes next, so that bystanders_stop can say for each event how long
# the longest access of a bystander took. BOUND_MS is what it may: the module holds the turn
# for some config writes only, so what is measured is mostly the emulated server's scheduling
# (docs/design.md).
top=$(cd "$(dirname "$0")/../.." && pwd)
iomul=$top/build/iomul
identity=$top/build/vm/identity
pci=/sys/bus/pci/devices
passed=0 failed=0
BOUND_MS=${BOUND_MS:-2000}

check() {
	what=$1
	shift
	[ -z "${VERBOSE:-}" ] || echo "# $(cut -d' ' -f1 /proc/uptime) $what"
	if "$@" > /tmp/check.out 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "not ok - $what"
		tail -5 /tmp/check.out
	fi
}

verdict() {
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}

# The line of slot $1 in the table: group, slot, gate, ports, users, who, accesses, switches, state.
slot_state() { $iomul status | awk -v slot="${1#0000:}" '$2 == slot'; }
gone() { slot_state "$1" | grep -q unplugged; }
shares() { slot_state "$1" | grep -v unplugged | grep -q .; }
leased() { slot_state "$1" | grep -q leased; }
not_leased() { ! leased "$1"; }
answers() { $identity -n 400 -p 2 "$@"; }
verified() { $iomul status --verify; }
# One of function $1's I/O BARs has ports.
has_ports() { head -6 "$pci/$1/resource" | awk '$3 ~ /101$/ && $1 !~ /^0x0+$/ { n++ } END { exit !n }'; }
is_there() { [ -e "$pci/$1" ]; }
is_not_there() { ! is_there "$1"; }
bound_to() { [ "$(basename "$(readlink -f "$pci/$1/driver")")" = "$2" ]; }
refuses() { ! "$@"; }
told() { grep -q "$1 *$2" /tmp/monitor; }
rescan() { echo 1 > /sys/bus/pci/rescan; }
wait_for() {
	n=0
	until "$@"; do
		n=$((n + 1))
		[ $n -lt 100 ] || return 1
		sleep 0.1
	done
}

soon() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 400 ] || return 1
		sleep 0.02
	done
}

# pciehp of 6.1 wakes the wrong one of two threads when PREEMPT_RT has made both handlers of its
# interrupt threads: who asks by power or button waits for ever, with or without iomul.
unplugs() {
	case "$(uname -rv)" in 6.1.*PREEMPT_RT*) ;; *) return ;; esac
	echo "skipped $(basename "$0"): pciehp of this kernel unplugs nothing by power or button"
	exit 77
}

# Unplugs slot $1 by its power, without the five seconds that a person has to think again after
# the button. The kernel wants to be done with plugging in first.
power_off() { (echo 0 > "$(dirname "$(grep -l "$1" /sys/bus/pci/slots/*/address)")/power") 2> /dev/null; }
slot_off() { soon power_off "$1" && soon is_not_there "$1.0"; }

bystanders_start() {
	rm -f /tmp/bystanders.stop
	echo "== begin" > /tmp/bystanders
	(while [ ! -e /tmp/bystanders.stop ]; do
		while [ -e /tmp/bystanders.pause ]; do
			touch /tmp/bystanders.paused
			sleep 0.05
		done
		rm -f /tmp/bystanders.paused
		$identity -n 2000 -p 1 "$@" >> /tmp/bystanders 2>&1 || echo "bad: status $?" >> /tmp/bystanders
		[ -z "${REST:-}" ] || sleep "$REST"
	done) & bystanders=$!
}

# Nothing is accessed between the two.
bystanders_pause() {
	touch /tmp/bystanders.pause
	wait_for [ -e /tmp/bystanders.paused ]
}
bystanders_resume() { rm -f /tmp/bystanders.pause; }

event() { echo "== $*" >> /tmp/bystanders; }

# A portion is the event's in which it ended, and the one's before if it is the first since.
bystanders_stop() {
	touch /tmp/bystanders.stop
	wait "$bystanders"
	check "bystanders never met a wrong device, nor an error" \
		sh -c '! grep -v -e "^==" -e ": 0 misrouted, 0 errors" /tmp/bystanders'
	awk -v bound="$BOUND_MS" '
		/^==/ { before = name; name = substr($0, 4); order[++n] = name; fresh = 1; next }
		/longest call/ {
			ms = $(NF - 1) + 0; portions++
			if (ms > worst[name]) worst[name] = ms
			if (fresh && ms > worst[before]) worst[before] = ms
			fresh = 0
		}
		END {
			print "bystanders: " portions " portions of 2000 accesses; the longest access by event:"
			for (i = 1; i <= n; i++) {
				printf "  %8.1f ms  %s\n", worst[order[i]], order[i]
				late += worst[order[i]] > bound
			}
			exit late > 0 || portions < 2
		}' /tmp/bystanders > /tmp/delays
	late=$?
	cat /tmp/delays
	check "no access of theirs took longer than $BOUND_MS ms" [ $late = 0 ]
}
