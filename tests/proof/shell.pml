/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The locking of the kernel shell as a SPIN model: kmod/turn.c word for word in
 * its atomic operations, and around it what events.c, group.c, user.c and
 * hold.c do under iomul_lock. Keep it beside them: change both or neither.
 *
 * Processes: ACCESSORS users that access (two slots, one gate each); one of them
 * may be killed while it waits (KILL); a world that resets a gate and then
 * touches it, once (RESET); hot removal of slot 0's device (REMOVE); an
 * administrator who detaches slot 1 when nobody uses it (DETACH), verifies or
 * attaches (KEEP). CHECK: a read that returns ones, the device's own or lost, looks whether it
 * was lost, and is tried again.
 * LEASE: slot 1 has the window to itself for a while, and a host driver accesses
 * it whenever it likes, without a turn; others wait until that is over.
 * NUMBERS: a rescan, or root, takes bus numbers from above one gate or both, or from above slot 0's
 * function but not its gate, and may give them back: config writes are lost meanwhile, and the
 * filter knows it.
 * WINDOW: Linux gives up the window of a port above both gates, the filter sees it, and later (above.c)
 * the window is opened again, or the group is stranded, since others may have its ports.
 * REWRITE: Linux writes that window anew; what is read meanwhile is lost.
 *
 * Checked: no deadlock and no lost wake-up (every process ends), the turn is
 * held by one, rule 1 on the hardware's gates at every instant, an access only
 * over its own open path or over one that was reset meanwhile, an owner passes
 * waiters at most BURST times in a row, nobody uses a slot that was freed; while
 * there is a lease nobody shuts the lessee's gate or opens another; a change of owner
 * fails only where it is known that numbers were away; nobody takes a window for open that was given up,
 * and no gate is open once others have the ports; nobody takes ones that nobody sent for the device's.
 *
 * BUG_*: mistakes that the check must find (tests/proof/spin).
 *
 * Left out: memory order (a step of the model is seen by all at once: x86 and the
 * barriers in turn.c are taken at their word), trees deeper than one level
 * (tests/proof/mux.c), the config filter but for bus numbers (nobody else opens
 * gates), config writes that fail for other reasons and their repetition, time,
 * the scheduler's fairness.
 */
#ifndef ACCESSORS
#define ACCESSORS 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef BURST
#define BURST 1
#endif
#ifndef LEASES
#define LEASES 1
#endif
#define NONE 255
#define PROCS (ACCESSORS + 6)	/* who may wait for the turn: accessors and these */
#define REMOVER ACCESSORS
#define DETACHER (ACCESSORS + 1)
#define KEEPER (ACCESSORS + 2)
#define LESSOR (ACCESSORS + 3)
#define TOUCHER (ACCESSORS + 4)
#define MENDER (ACCESSORS + 5)
#define TAKEN 1
#define WAITED 2

/* struct iomul_turn */
byte state;
byte passed;
bool spin;			/* turn->lock */
byte queue[PROCS];		/* turn->waiters */
byte waiters;
bool granted[PROCS];
bool awake[PROCS];		/* task state: schedule() returns */
bool killed[PROCS];

/* mux and hardware, two slots with a gate each */
byte owner = NONE;
bool believed[2];		/* mux: open */
bool unknown[2];
bool open[2];			/* hardware */
bool held_touched[2];
bool live_touched;

/* users and slots */
bool iomul_lock;
byte users[2];
bool gone;			/* slot 0's device, and so its user's flag */
bool reset[2];			/* hardware was reset and nobody has told the mux yet */
bool telling;			/* between a reset and the touch that follows it */
bool freed;			/* slot 1 */
bool lost[2];			/* hardware: config cycles don't reach the gate */
bool held_lock[2];		/* where it is held for more than a step */
bool nowhere[2];		/* held->write == write_nowhere */
bool fn_lost, fn_nowhere;	/* the same of slot 0's function */
byte astray;			/* live->astray */
bool closed;			/* hardware: the window above passes nothing on */
byte begun, ended, seen;		/* writes to it; windows_seen */
bool adrift, stranded;
bool rescan_lock;
byte lessee = NONE;
bool leased;			/* and a host driver may be at work */
bool lease_awake[ACCESSORS];	/* waiters of live->lease_over */
byte inside;			/* how many have the turn */
byte ahead;			/* passes in a row past somebody who waits */

#define SLOT(me) ((me) % 2)

inline lock(l) { atomic { !l -> l = true } }
inline unlock(l) { l = false }

#define RULE1 assert(!(open[0] && open[1]))

/* turn_seize(): under turn->lock */
inline seize()
{
	atomic {
		state = (waiters == 0 -> TAKEN : TAKEN | WAITED);
		inside++;
		assert(inside == 1);
	}
}

inline queue_del(who)
{
	d_step {
		k = 0;
		do
		:: k < waiters && queue[k] != who -> k++
		:: else -> break
		od;
		assert(k < waiters);
		do
		:: k + 1 < waiters -> queue[k] = queue[k + 1]; k++
		:: else -> break
		od;
		waiters--;
		queue[waiters] = 0;
		k = 0
	}
}

/* turn_take(), turn_wait() and waiter_sleep(); got: it has the turn */
inline take(me, slot, killable)
{
	got = false;
	atomic {
		if
		:: state == 0 -> state = TAKEN; inside++; assert(inside == 1); got = true
		:: else
		fi
	}
	if
	:: got
	:: else ->
		lock(spin);
		atomic { state = state | WAITED }
		if
		:: !(state & TAKEN) && waiters == 0 ->
			seize(); got = true
		:: !(state & TAKEN) && waiters && slot != NONE && owner == slot && passed < BURST ->
#ifndef BUG_PASS
			passed++;
#endif
			atomic { ahead++; assert(ahead <= BURST) }
			seize(); got = true
		:: else ->
			d_step { queue[waiters] = me; waiters++; granted[me] = false }
		fi;
		unlock(spin);
		do
		:: got -> break
		:: else ->
			awake[me] = false;	/* set_current_state() */
			lock(spin);
			if
			:: granted[me] -> got = true; unlock(spin)
			:: !granted[me] && !(state & TAKEN) && queue[0] == me ->
				queue_del(me);
				passed = 0; ahead = 0;
				seize(); got = true;
				unlock(spin)
			:: else ->
				if
				:: killable && killed[me] ->
					queue_del(me);
					if
					:: waiters == 0 -> atomic { state = state & TAKEN }
					/* Never needed: a killed waiter that could go next goes. */
					:: waiters && !(state & TAKEN) -> awake[queue[0]] = true
					:: else
					fi;
					unlock(spin);
					break
				:: else ->
					unlock(spin);
					awake[me] || (killable && killed[me])	/* schedule() */
				fi
			fi
		od
	fi
}

/* turn_give() and turn_hand_on() */
inline give()
{
	atomic {
		inside--;
		state = state & WAITED;
		handed = state == 0
	}
	if
	:: handed
	:: else ->
		lock(spin);
		if
#ifndef BUG_GIVE
		:: state & TAKEN || waiters == 0
#else
		:: waiters == 0
#endif
		:: else ->
			if
			:: passed < BURST -> awake[queue[0]] = true
			:: else ->
				w = queue[0];
				queue_del(w);
				passed = 0; ahead = 0;
				seize();
				granted[w] = true;
#ifndef BUG_WAKE
				awake[w] = true;
#endif
				w = 0
			fi
		fi;
		unlock(spin)
	fi;
	handed = false
}

/*
 * A config write to a gate, under held->lock; bad: it failed. What is lost says nothing.
 * Nobody shuts the lessee's gate.
 */
#ifdef NUMBERS
#ifdef BUG_NUMBERS
#define FAILS(i) false
#else
#define FAILS(i) nowhere[i]
#endif
#define HARDWARE(i, on) if :: lost[i] :: else -> open[i] = on fi
#else
#define FAILS(i) false
#define HARDWARE(i, on) open[i] = on
#endif

inline gate_write(i, on)
{
	atomic {
		!held_lock[i] ->
		assert(on || !(leased && i == 1));
		assert(!on || !stranded);	/* others have the ports */
		if
		:: FAILS(i) -> bad = true
		:: else -> HARDWARE(i, on)
		fi;
		RULE1
	}
}

inline shut(i)
{
	gate_write(i, false);
	believed[i] = false;
	unknown[i] = bad;
	owner = NONE
}

/* iomul_mux_forget_gate() */
inline forget(i) { atomic { owner = NONE; believed[i] = false; unknown[i] = true } }

/* iomul_live_settle(): forget, decode off, refresh; what is leased is only mended */
inline settle()
{
	live_touched = false;
#ifdef BUG_SEEN
	seen = begun;
#else
	seen = ended;
#endif
#if defined(WINDOW) && !defined(BUG_ADRIFT)
	if
	:: adrift -> live_touched = true
	:: else
	fi;
#endif
	g = 0;
#ifdef BUG_OWNER
	mend = lessee != NONE && owner == lessee;
#else
	mend = lessee != NONE;
#endif
	do
	:: g < 2 ->
#ifdef BUG_MEND
		mend = lessee != NONE && owner == lessee;
#endif
		if
		:: held_touched[g] && mend && g == lessee ->
			/* iomul_held_mend() under held->lock: nothing is done to what can't be reached */
			atomic {
				!held_lock[g] ->
				held_touched[g] = false;
				if
				:: FAILS(g)
				:: else -> reset[g] = false; HARDWARE(g, true)
				fi;
				RULE1
			}
		:: held_touched[g] && !(mend && g == lessee) ->
			forget(g);
			gate_write(g, false);
			/* iomul_held_refresh() under held->lock: what was reset is written again */
			atomic {
				!held_lock[g] ->
				held_touched[g] = false;
				if
				:: FAILS(g)
				:: else -> reset[g] = false
				fi
			}
		:: else
		fi;
		g++
	:: else -> break
	od;
	bad = false;
	g = 0
}

/* live_route(): what iomul_mux_next() asks for on one bus; err: it failed, and nobody owns the group */
inline route(slot)
{
	owner = NONE;
	do
	:: !bad && (unknown[0] || (believed[0] && slot != 0)) -> shut(0)
#ifndef BUG_SHUT
	:: !bad && (unknown[1] || (believed[1] && slot != 1)) -> shut(1)
#endif
	:: else -> break
	od;
	if
	:: !bad && slot != NONE && !believed[slot] ->
		gate_write(slot, true);
		believed[slot] = !bad;
		unknown[slot] = bad
	:: else
	fi;
	if
	:: !bad -> owner = slot
	:: else -> err = true
	fi;
	bad = false
}

/* wake_up_all(&live->lease_over) */
inline lease_wake()
{
	d_step {
		k = 0;
		do
		:: k < ACCESSORS -> lease_awake[k] = true; k++
		:: else -> break
		od;
		k = 0
	}
}

/* iomul_live_shut() */
inline live_shut()
{
#ifdef BUG_SHUT_LEASED
	route(NONE)
#else
	route(lessee)
#endif
}

#define IS_GONE(me) (SLOT(me) == 0 && gone)
#define LEASE_PASSES(me) (lessee == NONE || lessee == SLOT(me) || IS_GONE(me))

/* path_enter_later(): another slot has the window; the turn is given meanwhile */
inline enter_later(me)
{
	give();
	do	/* wait_event_killable() */
	:: true ->
		lease_awake[me] = false;
		if
		:: LEASE_PASSES(me) -> break
		:: else ->
			lease_awake[me] || killed[me];
			if
			:: killed[me] -> quit = true; break
			:: else
			fi
		fi
	od;
	take(me, SLOT(me), false)
}

/* path_open(); what fails while a gate is out of reach is tried again, for 2 s at most */
#define OPEN(me)					\
	if						\
	:: live_touched -> settle()			\
	:: else						\
	fi;						\
	if						\
	:: owner != SLOT(me) -> route(SLOT(me))		\
	:: else						\
	fi;						\
	routed = owner == SLOT(me)

/* path_enter() and path_enter_later(): a user whose device is gone is refused */
inline enter(me)
{
	do
	:: quit || IS_GONE(me) -> break
	:: !quit && !IS_GONE(me) && lessee != NONE && lessee != SLOT(me) -> enter_later(me)
	:: else ->
#ifdef WINDOW
		/* Who finds nothing touched does not ask for more. */
		if
		:: live_touched && adrift ->
			if
			:: stranded -> quit = true
			:: else ->
				give();
				if
				:: true
				:: true -> quit = true
				fi;
				take(me, SLOT(me), false)
			fi
		:: else ->
			OPEN(me);
			break
		fi
#elif defined(NUMBERS)
		if
		:: astray && (live_touched || owner != SLOT(me))
		:: else ->
			OPEN(me);
			if
			:: routed -> break
			:: else ->
				/* iomul_live_was_astray() */
				if
				:: astray
				:: else -> assert(live_touched)
				fi
			fi
		fi;
		/* iomul_astray_pause(): 2 s at most */
		give();
		if
		:: true
		:: true -> quit = true
		fi;
		take(me, SLOT(me), false)
#else
		OPEN(me);
		break
#endif
	od;
	err = false
}

/* One read or write, with the path open; ones: it was lost, or is a read of that. */
inline access(me)
{
	atomic {
		assert(!open[1 - SLOT(me)]);
		assert(open[SLOT(me)] || (reset[SLOT(me)] && (telling || live_touched)));
#ifndef REWRITE
		assert(!closed || live_touched);
#endif
		ones = !open[SLOT(me)] || closed;
#ifdef CHECK
		nobody = ones;
		if
		:: true
		:: true -> ones = true
		fi
#endif
	}
}

#ifdef NUMBERS
#define FN_LOST(me) (SLOT(me) == 0 -> fn_lost : lost[1])
#define FN_NOWHERE(me) (SLOT(me) == 0 -> fn_nowhere : nowhere[1])
#else
#define FN_LOST(me) false
#define FN_NOWHERE(me) false
#endif

/* path_in_again() and path_check(): what the registers on the path say of a read of ones */
inline again(me)
{
	do
	:: !ones || quit || IS_GONE(me) -> break
	:: else ->
		ones = false;
		if
		:: FN_LOST(me) ->
			if
			:: live_touched || FN_NOWHERE(me) ->
				/* path_reach() */
				do
				:: give();
					if
					:: true
					:: true -> quit = true
					fi;
					take(me, SLOT(me), false);
					if
					:: quit || !FN_NOWHERE(me) -> break
					:: else
					fi
				od;
				enter(me)
			:: else -> break
			fi
		:: !FN_LOST(me) && open[SLOT(me)] && !closed ->
#if (defined(WINDOW) || defined(REWRITE)) && !defined(BUG_COUNT)
			if
			:: begun != seen ->
				live_touched = true;
				enter(me)
			:: else ->
				assert(!nobody);
				break
			fi
#else
			assert(!nobody);	/* the ones are the device's */
			break
#endif
#ifdef WINDOW
		/* anchor_answers(): adrift, so path_reach() */
		:: adrift ->
			give();
			if
			:: true
			:: true -> quit = true
			fi;
			take(me, SLOT(me), false);
			enter(me)
#endif
		:: else ->
			if
			:: mended -> break
			:: else
			fi;
			held_touched[0] = true;
			live_touched = true;
			held_touched[1] = true;
			live_touched = true;
			enter(me);
			mended = true
		fi;
#ifndef BUG_AGAIN
		if
		:: owner != SLOT(me) -> break
		:: else
		fi;
#endif
		access(me)
	od;
	ones = false;
	mended = false
}

proctype accessor(byte me)
{
	byte round, k, w, g;
	bool got, handed, held, routed, ones, nobody, mended, mend, quit, bad, err;

	/* iomul_user_get() */
	lock(iomul_lock);
	if
	:: SLOT(me) == 1 && freed
	:: SLOT(me) == 0 && gone
	:: else -> users[SLOT(me)]++; held = true
	fi;
	unlock(iomul_lock);
	do
	:: held && round < ROUNDS ->
		round++;
		take(me, SLOT(me), true);
		if
		:: got ->
			assert(!(SLOT(me) == 1 && freed));
			enter(me);
			if
			:: routed ->
				access(me);
#ifdef CHECK
				again(me);
#endif
			:: else
			fi;
			routed = false;
			ones = false;
			give();
			if
			:: quit -> break
			:: else
			fi
		:: else -> break	/* killed */
		fi
	:: else -> break
	od;
	/* iomul_user_put() */
	if
	:: held ->
		lock(iomul_lock);
		users[SLOT(me)]--;
		unlock(iomul_lock)
	:: else
	fi
}

/* A reset clears the hardware's bit; whoever did it, or notices, touches the function. */
proctype world()
{
	byte i;

	select(i : 0 .. 1);
	atomic { telling = true; reset[i] = true; open[i] = false }
#ifdef BUG_FLAG
	live_touched = true;
	held_touched[i] = true;
#else
	held_touched[i] = true;
	live_touched = true;
#endif
	telling = false
}

/*
 * numbers_write() of a port above gate 0, 1 or both: who is below is out of reach before the
 * hardware's register changes, and back after it. astray_lock, which none but this takes, is left out.
 */
inline set_reach(below, yes)
{
	g = 0;
	do
	:: g < 2 && (below == 2 || below == g) ->
		/* held_set_reach(); who does not take held->lock sees each step */
		lock(held_lock[g]);
#ifndef BUG_ASKED
		held_touched[g] = true;
		live_touched = true;
#endif
		nowhere[g] = !yes;
		astray = (yes -> astray - 1 : astray + 1);
		held_touched[g] = true;
		live_touched = true;
		unlock(held_lock[g]);
		g++
	:: g < 2 && !(below == 2 || below == g) -> g++
	:: else -> break
	od;
#ifdef CHECK
	if
	:: below != 1 ->
		live_touched = true;
		fn_nowhere = !yes;
		live_touched = true
	:: else
	fi;
#endif
	g = 0
}

inline numbers(below, yes)
{
	atomic {
		if
		:: below == 0 || below == 2 -> lost[0] = !yes
		:: else
		fi;
		if
		:: below == 1 || below == 2 -> lost[1] = !yes
		:: else
		fi;
#ifdef CHECK
		if
		:: below != 1 -> fn_lost = !yes
		:: else
		fi
#endif
	}
}

proctype renumber()
{
	byte g, below;

#ifdef CHECK
	select(below : 0 .. 3);
#else
	select(below : 0 .. 2);
#endif
	lock(rescan_lock);
	set_reach(below, false);
	numbers(below, false);
	unlock(rescan_lock);
	if
	:: true ->
		lock(rescan_lock);
		numbers(below, true);
		set_reach(below, true);
		unlock(rescan_lock)
	:: true	/* never again */
	fi
}

/* iomul_touch_all(), as after an error or a resume: all is touched, and looked at for a lessee at once. */
proctype toucher()
{
	byte k, w, g;
	bool got, handed, mend, bad, err;

	lock(iomul_lock);
	held_touched[0] = true;
	live_touched = true;
	held_touched[1] = true;
	live_touched = true;
	if
	:: lessee != NONE ->
		take(TOUCHER, NONE, false);
		assert(got);
		settle();
		live_shut();
		give()
	:: else
	fi;
	unlock(iomul_lock)
}

/* iomul_lease_take() of slot 1, a host driver, lease_end(); LEASES times */
proctype lessor()
{
	byte k, w, g, n;
	bool got, handed, mend, bad, err;

	do
	:: n < LEASES ->
		n++;
		lock(iomul_lock);
		if
		:: freed
		:: else ->
			/* lessee_set() */
			take(LESSOR, NONE, true);
			assert(got);
			if
			:: live_touched -> settle()
			:: else
			fi;
			lessee = 1;
			err = false;
			live_shut();
			if
			:: !err -> leased = true; give()
			:: else ->
				lessee = NONE;
				live_shut();
				err = false;
				give();
#ifndef BUG_LEASE_FAILS
				lease_wake()
#endif
			fi
		fi;
		unlock(iomul_lock);
		if
		:: leased ->
			/* the driver: whenever it likes */
			assert(!open[0] && (open[1] || reset[1]));
			lock(iomul_lock);
			leased = false;
			held_touched[1] = true;
			live_touched = true;
			take(LESSOR, NONE, false);
			assert(got);
			if
			:: live_touched -> settle()
			:: else
			fi;
			lessee = NONE;
			live_shut();
			give();
#ifndef BUG_LEASE_WAKE
			lease_wake();
#endif
			unlock(iomul_lock)
		:: else
		fi
	:: else -> break
	od
}

/* window_write_seen() */
#define WINDOW_WRITE(value)	begun++; live_touched = true; closed = value; ended++

/* Linux, the filter as it writes, and live_mend() afterwards */
proctype mender()
{
	byte k, w, g;
	bool got, handed, mend, bad, err;

	lock(rescan_lock);
	/* as WINDOW_WRITE(), but iomul_above_written() has adrift as well */
	begun++;
#ifdef BUG_ADRIFT_ORDER
	live_touched = true;
	adrift = true;
#else
	adrift = true;
	live_touched = true;
#endif
	closed = true;
	ended++;
	if
	:: true
	:: true ->
		/* iomul_above_binding() */
		lock(iomul_lock);
		take(MENDER, NONE, false);
		settle();
		live_shut();
		give();
		unlock(iomul_lock)
	fi;
	unlock(rescan_lock);
	lock(rescan_lock);
	lock(iomul_lock);
	if
	:: WINDOW_WRITE(false)
	:: true
	fi;
	take(MENDER, NONE, false);
	assert(got);
	stranded = closed;
	adrift = closed;
	held_touched[0] = true;
	live_touched = true;
	held_touched[1] = true;
	live_touched = true;
	settle();
	live_shut();
	assert(!stranded || !(open[0] || open[1]));
	give();
	unlock(iomul_lock);
	unlock(rescan_lock);
}

#ifdef REWRITE
/* Linux writes the window above once more, as a bridge with 32-bit ports wants it: closed first */
proctype rewriter()
{
	WINDOW_WRITE(true);
	WINDOW_WRITE(false)
}
#endif

proctype killer()
{
	killed[ACCESSORS - 1] = true
}

/* device_removed() and iomul_held_lost() */
proctype remover()
{
	byte k, w;
	bool got, handed, bad, err;

	lock(iomul_lock);
	take(REMOVER, NONE, false);
	assert(got);
	forget(0);
	open[0] = false;	/* shut for good, with or without a way to it */
	gone = true;
	live_shut();
	give();
	lease_wake();
	unlock(iomul_lock)
}

/* iomul_detach() of slot 1 */
proctype detacher()
{
	byte k, w;
	bool got, handed, bad, err;

	lock(rescan_lock);
	lock(iomul_lock);
	if
	:: users[1] == 0 && lessee == NONE && astray == 0 ->
		take(DETACHER, NONE, false);
		assert(got);
		route(NONE);
		freed = true;
		give()
	:: else
	fi;
	unlock(iomul_lock);
	unlock(rescan_lock)
}

/* iomul_verify() that repairs, and lives_install(): settled, all shut; a new tree knows as much. */
proctype keeper()
{
	byte k, w, g;
	bool got, handed, mend, bad, err;

	lock(iomul_lock);
	take(KEEPER, NONE, false);
	assert(got);
	if
	:: live_touched -> settle()
	:: else
	fi;
	live_shut();
	give();
	unlock(iomul_lock)
}

init {
	byte n;

	atomic {
		do
		:: n < ACCESSORS -> run accessor(n); n++
		:: else -> break
		od;
#ifdef RESET
		run world();
#endif
#ifdef KILL
		run killer();
#endif
#ifdef REMOVE
		run remover();
#endif
#ifdef DETACH
		run detacher();
#endif
#ifdef KEEP
		run keeper();
#endif
#ifdef LEASE
		run lessor();
#endif
#ifdef TOUCH
		run toucher();
#endif
#ifdef NUMBERS
		run renumber();
#endif
#ifdef WINDOW
		run mender();
#endif
#ifdef REWRITE
		run rewriter();
#endif
	}
	/* Lost wake-ups show here: somebody never ends, which is an invalid end state. */
	_nr_pr == 1;
	assert(state == 0 && waiters == 0 && inside == 0 && !spin && !iomul_lock);
}
