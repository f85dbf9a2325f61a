// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks all reachable states of small fabrics, to closure.
 *
 * Every gate tree up to a size (shapes.h) is built as a fabric: from a topology
 * through core's plan, whose steps are carried out on config bytes. A state is
 * what the mux believes of each gate, who it thinks is the owner, and what the
 * I/O enable bits really are. From every state there is every event:
 *
 *  - one step on the way to each slot, or to nobody. There is no memory of whose
 *    way was begun: at each step anybody may come, so that all interleavings of
 *    accesses, waiters killed half way, claims and releases in any order are
 *    among the walks.
 *  - that step fails at each of its config writes, which was lost or took effect
 *  - that step is taken from the mux and never carried out
 *  - a gate is forgotten (rule 2) and its bits are what they were, or whatever
 *    somebody else made of them; all gates are forgotten
 *
 * After every transition:
 *  - the mux is valid, and what it thinks it knows of the bits is so
 *  - no two functions answer one port. Somebody else may break that by opening a
 *    gate; then (walk "foreign") no open step may leave it so, no step makes it
 *    worse, and the mux is in doubt about a gate as long as it lasts. Without
 *    such gates opened by others (walk "strict") it holds in every state.
 *  - when the mux says arrived, the slot's functions answer at both ends of all
 *    their BARs, and nobody else in the window
 *  - bystanders answer always
 * and from each state the way to each slot takes two steps a level at which it
 * differs, one more for each gate in doubt on the way.
 *
 * Which functions answer is asked of the decoder in sim/ for each setting of
 * the bits; core is asked for its next step for each of its states. Both are
 * remembered, so that a transition is a few table lookups.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/pci_regs.h>
#include "oracle.h"
#include "shapes.h"

#define GATES 24
#define GROUPS 4
#define FUNCTIONS 16
#define TARGETS 9

/* One gate, in the code of a state: hardware bits, and above them "unknown". */
struct bits {
	u32 shift;
	u32 width; /* config writes it takes */
	u32 group;
	u32 gate; /* in its mux */
	u32 node[2];
};

/* From one belief of a mux towards one target. Codes without bits in doubt. */
struct way {
	bool arrived;
	bool open;
	u8 gate; /* index in model.bits */
	u32 begun; /* step taken, not carried out; or where it arrived */
	u32 done;
	u32 failed;
};

struct belief {
	u32 code;
	bool used;
	u32 forgot;
	u32 forgot_gate[GATES];
	struct way way[TARGETS];
};

struct group {
	struct iomul_mux mux;
	u32 *slot_node;
	u32 mask; /* its part of the code */
	u32 owner_bit;
	u32 functions; /* as a mask of model.function */
	struct iomul_range window;
	struct belief *belief; /* open addressing */
	u32 beliefs;
	u32 room;
};

struct answer {
	u8 worst[GROUPS]; /* most functions at one port of the window */
	u16 some; /* functions that answer somewhere */
	u16 all; /* and at all ends of their BARs */
};

struct model {
	struct world w;
	struct fabric f;
	struct carry c;
	struct group group[GROUPS];
	struct bits bits[GATES];
	u32 gates;
	u32 groups;
	u32 code_bits;
	u32 hardware; /* mask of the real bits in a code */
	u32 unknown; /* and of the unknown bits */
	u32 unknown2; /* of gates of two functions */
	u32 hardware_bits;
	u32 function[FUNCTIONS];
	u32 functions;
	struct answer *answer;
	u32 pack[3][1024]; /* hardware bits of a code, packed */
	u8 *seen;
	u32 *stack;
	u32 stacked;
	u32 stack_room;
	bool foreign;
	u64 states;
	u64 transitions;
	char what[200];
};

static u64 total_states, total_transitions;
static u32 most_gates;

#define FAIL(m, ...) \
	((m)->what[0] ? false : (snprintf((m)->what, sizeof((m)->what), __VA_ARGS__), false))

/*
 * Codes.
 */

static u32 field(const struct bits *b)
{
	return (1U << b->width) - 1;
}

static u32 unknown_bit(const struct bits *b)
{
	return 1U << (b->shift + b->width);
}

static u32 pack(const struct model *m, u32 code)
{
	return m->pack[0][code & 1023] | m->pack[1][code >> 10 & 1023] |
	       m->pack[2][code >> 20 & 1023];
}

/* The real bits of gates that are in doubt: those right below each unknown bit. */
static u32 doubtful(const struct model *m, u32 code)
{
	u32 u = code & m->unknown;

	return u >> 1 | (u & m->unknown2) >> 2;
}

/* The code without them: what the mux believes. */
static u32 believed(const struct model *m, u32 code)
{
	return code & ~doubtful(m, code);
}

/* @belief with the real bits @hw: false when it believes something else. */
static bool join(struct model *m, u32 belief, u32 hw, u32 *code)
{
	u32 known = m->hardware & ~doubtful(m, belief);

	*code = belief | hw;
	return (belief & known) == (hw & known);
}

static u32 open_slot(const struct iomul_mux *mux)
{
	u32 s, i;

	for (s = 0; s < mux->slots; s++) {
		for (i = 0; i < mux->slot[s].depth; i++)
			if (mux->gate[mux->path[mux->slot[s].first + i]].state != IOMUL_GATE_OPEN)
				break;
		if (i == mux->slot[s].depth)
			return s;
	}
	return IOMUL_NONE;
}

/* A code has room for whether there is an owner; who it is follows from the gates. */
static u32 save(struct model *m, u32 g)
{
	const struct group *x = &m->group[g];
	u32 i, code = x->mux.owner == IOMUL_NONE ? 0 : x->owner_bit;

	if (code && open_slot(&x->mux) != x->mux.owner)
		FAIL(m, "owner %u, and its path is not open", x->mux.owner);
	for (i = 0; i < m->gates; i++) {
		const struct bits *b = &m->bits[i];

		if (b->group != g)
			continue;
		if (x->mux.gate[b->gate].state == IOMUL_GATE_UNKNOWN)
			code |= unknown_bit(b);
		else if (x->mux.gate[b->gate].state == IOMUL_GATE_OPEN)
			code |= field(b) << b->shift;
	}
	return code;
}

static void load(struct model *m, u32 g, u32 code)
{
	struct iomul_mux *mux = &m->group[g].mux;
	u32 i;

	for (i = 0; i < mux->buses; i++) {
		mux->bus[i].open = IOMUL_NONE;
		mux->bus[i].unknown = 0;
	}
	for (i = 0; i < m->gates; i++) {
		const struct bits *b = &m->bits[i];
		struct iomul_gate *gate = &mux->gate[b->gate];

		if (b->group != g)
			continue;
		gate->state = IOMUL_GATE_SHUT;
		if (code & unknown_bit(b)) {
			gate->state = IOMUL_GATE_UNKNOWN;
			mux->bus[gate->bus].unknown++;
		} else if (code >> b->shift & field(b)) {
			gate->state = IOMUL_GATE_OPEN;
			mux->bus[gate->bus].open = b->gate;
		}
	}
	mux->owner = code & m->group[g].owner_bit ? open_slot(mux) : IOMUL_NONE;
	mux->arriving = 0;
}

/*
 * Beliefs: what core does.
 */

static u32 bits_of(const struct model *m, u32 g, u32 gate)
{
	u32 i;

	for (i = 0; m->bits[i].group != g || m->bits[i].gate != gate; i++)
		;
	return i;
}

/* The way to @slot from the state loaded has the length that it should have. */
static bool check_length(struct model *m, u32 g, u32 slot)
{
	struct iomul_mux *mux = &m->group[g].mux;
	u32 n = 0, want = slot == IOMUL_NONE ? 0 : oracle_steps(mux, slot);
	struct iomul_mux_step s;

	while (iomul_mux_next(mux, slot, &s) > 0) {
		iomul_mux_done(mux, s, true);
		if (!iomul_mux_valid(mux))
			return FAIL(m, "mux not valid on the way to %d", (int)slot);
		if (++n > 2 * m->gates + 1)
			return FAIL(m, "no end on the way to %d", (int)slot);
	}
	if (mux->owner != slot)
		return FAIL(m, "arrived at %d, owner %d", (int)slot, (int)mux->owner);
	if (slot != IOMUL_NONE && n != want)
		return FAIL(m, "%u steps to %u, %u expected", n, slot, want);
	return true;
}

/* The short cut, where it is one, is the same two steps to the same state. */
static bool check_swap(struct model *m, u32 g, u32 code, u32 slot)
{
	struct iomul_mux *mux = &m->group[g].mux;
	struct iomul_mux_step a, b;
	const struct iomul_path *from, *to;
	u32 end;

	load(m, g, code);
	if (slot == IOMUL_NONE || !iomul_mux_swap(mux, slot, &from, &to))
		return true;
	load(m, g, code);
	if (iomul_mux_next(mux, slot, &a) <= 0)
		return FAIL(m, "swapped to %u, which is there already", slot);
	iomul_mux_done(mux, a, true);
	if (iomul_mux_next(mux, slot, &b) <= 0)
		return FAIL(m, "swapped to %u in two steps, one is enough", slot);
	iomul_mux_done(mux, b, true);
	if (a.open || !b.open || a.gate != from->last || b.gate != to->last ||
	    mux->owner != slot)
		return FAIL(m, "swapped to %u by other steps than next", slot);
	end = save(m, g);
	load(m, g, code);
	iomul_mux_swap(mux, slot, &from, &to);
	if (!iomul_mux_valid(mux) || save(m, g) != end)
		return FAIL(m, "swapped to %u, another state", slot);
	iomul_mux_forget_gate(mux, from->last);
	iomul_mux_forget_gate(mux, to->last);
	if (!iomul_mux_valid(mux) || mux->owner != IOMUL_NONE ||
	    from->gate->state != IOMUL_GATE_UNKNOWN ||
	    to->gate->state != IOMUL_GATE_UNKNOWN)
		return FAIL(m, "not swapped to %u, and believed", slot);
	return true;
}

/* What core makes of the state loaded; @stale: the way that was begun before, and left. */
static bool take_way(struct model *m, u32 g, u32 code, u32 slot, u32 stale, struct way *way)
{
	struct iomul_mux *mux = &m->group[g].mux;
	struct iomul_mux_step s;

	memset(way, 0, sizeof(*way));
	load(m, g, code);
	mux->arriving = stale;
	way->arrived = iomul_mux_next(mux, slot, &s) == 0;
	way->begun = save(m, g);
	if (way->arrived)
		return true;
	way->gate = (u8)bits_of(m, g, s.gate);
	way->open = s.open;
	iomul_mux_done(mux, s, true);
	way->done = save(m, g);
	load(m, g, code);
	mux->arriving = stale;
	iomul_mux_next(mux, slot, &s);
	iomul_mux_done(mux, s, false);
	way->failed = save(m, g);
	return iomul_mux_valid(mux) || FAIL(m, "mux not valid after a failure");
}

/* The state that is not in the code, @arriving, makes no difference once a way is left. */
static bool find_way(struct model *m, u32 g, u32 code, u32 slot, struct way *way)
{
	struct way other;
	u32 stale;

	load(m, g, code);
	if (!iomul_mux_valid(&m->group[g].mux))
		return FAIL(m, "mux not valid");
	if (!check_length(m, g, slot) || !check_swap(m, g, code, slot) ||
	    !take_way(m, g, code, slot, 0, way))
		return false;
	for (stale = 1; stale <= m->group[g].mux.slots; stale++) {
		if (!take_way(m, g, code, slot, stale, &other))
			return false;
		if (memcmp(&other, way, sizeof(other)))
			return FAIL(m, "a way to %u that was left shows, state %x", stale - 1,
				    code);
	}
	return true;
}

static bool fill_belief(struct model *m, u32 g, struct belief *b)
{
	struct iomul_mux *mux = &m->group[g].mux;
	u32 i;

	for (i = 0; i <= mux->slots; i++)
		if (!find_way(m, g, b->code, i == mux->slots ? IOMUL_NONE : i, &b->way[i]))
			return false;
	load(m, g, b->code);
	iomul_mux_forget(mux);
	b->forgot = save(m, g);
	for (i = 0; i < m->gates; i++) {
		if (m->bits[i].group != g)
			continue;
		load(m, g, b->code);
		iomul_mux_forget_gate(mux, m->bits[i].gate);
		if (!iomul_mux_valid(mux))
			return FAIL(m, "mux not valid after a gate was forgotten");
		b->forgot_gate[i] = save(m, g);
	}
	return !m->what[0];
}

static struct belief *belief_slot(struct group *x, u32 code)
{
	u32 i = code * 2654435761U & (x->room - 1);

	while (x->belief[i].used && x->belief[i].code != code)
		i = (i + 1) & (x->room - 1);
	return &x->belief[i];
}

static bool beliefs_grow(struct group *x)
{
	struct belief *old = x->belief;
	u32 i, room = x->room;

	x->room = room ? 2 * room : 1024;
	x->belief = calloc(x->room, sizeof(*x->belief));
	if (!x->belief) {
		x->belief = old;
		x->room = room;
		return false;
	}
	for (i = 0; i < room; i++)
		if (old[i].used)
			*belief_slot(x, old[i].code) = old[i];
	free(old);
	return true;
}

static const struct belief *belief_get(struct model *m, u32 g, u32 code)
{
	struct group *x = &m->group[g];
	struct belief *b;

	if (2 * x->beliefs >= x->room && !beliefs_grow(x)) {
		FAIL(m, "no memory");
		return NULL;
	}
	b = belief_slot(x, code);
	if (b->used)
		return b;
	b->used = true;
	b->code = code;
	x->beliefs++;
	return fill_belief(m, g, b) ? b : NULL;
}

/*
 * Answers: what the decoder says.
 */

static u32 function_index(const struct model *m, u32 node)
{
	u32 i;

	for (i = 0; i < m->functions && m->function[i] != node; i++)
		;
	return i;
}

static void note_answer(const struct model *m, struct answer *a, u32 port)
{
	u32 who[8], i, g, n = fabric_answers(&m->f, port, who, 8);

	for (g = 0; g < m->groups; g++)
		if (port >= m->group[g].window.first && port <= m->group[g].window.last &&
		    n > a->worst[g])
			a->worst[g] = (u8)n;
	for (i = 0; i < n && i < 8; i++)
		if (function_index(m, who[i]) < m->functions)
			a->some |= (u16)(1U << function_index(m, who[i]));
}

/* Does @node answer at both ends of its BARs? */
static bool answers_all(const struct model *m, u32 node)
{
	u32 k, e, i, n, who[8], end[2];
	bool found;

	for (k = 0; k < IOMUL_BARS; k++) {
		if (!fabric_bar(&m->f, node, k, &end[0], &end[1]))
			continue;
		for (e = 0; e < 2; e++) {
			n = fabric_answers(&m->f, end[e], who, 8);
			for (i = 0, found = false; i < n && i < 8; i++)
				found |= who[i] == node;
			if (!found)
				return false;
		}
	}
	return true;
}

static void set_hardware(struct model *m, u32 code)
{
	u32 i, k, node, command;

	for (i = 0; i < m->gates; i++) {
		for (k = 0; k < m->bits[i].width; k++) {
			node = m->bits[i].node[k];
			command = fabric_peek(&m->f, node, PCI_COMMAND, 2) & ~PCI_COMMAND_IO;
			if (code >> (m->bits[i].shift + k) & 1)
				command |= PCI_COMMAND_IO;
			fabric_poke(&m->f, node, PCI_COMMAND, 2, command);
		}
	}
}

static bool bystanders_answer(struct model *m)
{
	u32 i;

	for (i = 0; i < m->w.t.nodes; i++)
		if (m->w.t.node[i].group == IOMUL_NONE && m->w.name[i][0] == 'o' &&
		    !answers_all(m, i))
			return FAIL(m, "a bystander does not answer");
	return true;
}

static bool make_answers(struct model *m)
{
	u32 *port, ports = fabric_ports(&m->f, &port), code = 0, i, at;

	m->answer = calloc((size_t)1 << m->hardware_bits, sizeof(*m->answer));
	if (!m->answer || !port) {
		free(port);
		return FAIL(m, "no memory");
	}
	do {
		set_hardware(m, code);
		at = pack(m, code);
		for (i = 0; i < ports; i++)
			note_answer(m, &m->answer[at], port[i]);
		for (i = 0; i < m->functions; i++)
			if (answers_all(m, m->function[i]))
				m->answer[at].all |= (u16)(1U << i);
		if (!bystanders_answer(m))
			break;
		code = (code - m->hardware) & m->hardware; /* next subset */
	} while (code);
	free(port);
	return !m->what[0];
}

/*
 * The walk.
 */

static bool push(struct model *m, u32 code)
{
	u32 *stack;

	m->seen[code >> 3] |= (u8)(1U << (code & 7));
	if (m->stacked == m->stack_room) {
		stack = realloc(m->stack, (2 * (size_t)m->stack_room + 1024) * sizeof(*stack));
		if (!stack)
			return FAIL(m, "no memory");
		m->stack = stack;
		m->stack_room = 2 * m->stack_room + 1024;
	}
	m->stack[m->stacked++] = code;
	m->states++;
	return true;
}

/* Two at a port: never (strict), or only while a gate that is open is in doubt. */
static bool check_state(struct model *m, u32 code)
{
	const struct answer *a = &m->answer[pack(m, code)];
	u32 g, i;
	bool doubt;

	for (g = 0; g < m->groups; g++) {
		if (a->worst[g] <= 1)
			continue;
		if (!m->foreign)
			return FAIL(m, "%u functions answer, state %x", a->worst[g], code);
		for (i = 0, doubt = false; i < m->gates; i++)
			doubt |= m->bits[i].group == g && (code & unknown_bit(&m->bits[i])) &&
				 (code >> m->bits[i].shift & field(&m->bits[i]));
		if (!doubt)
			return FAIL(m, "%u functions answer, no doubt, state %x", a->worst[g],
				    code);
	}
	return true;
}

/* To @belief of group @g, everything else as in @code but the real bits @hw. */
static bool go(struct model *m, u32 g, u32 code, u32 belief, u32 hw)
{
	u32 part;
	u32 mask = m->group[g].mask;

	m->transitions++;
	if (!join(m, belief | (believed(m, code) & ~mask), hw, &part))
		return FAIL(m, "belief %x, hardware %x", belief, hw);
	if (m->seen[part >> 3] >> (part & 7) & 1)
		return true;
	return check_state(m, part) && push(m, part);
}

/* After a step: how many answer now, compared with before. */
static bool check_step(struct model *m, u32 g, bool open, u32 from, u32 to)
{
	u8 was = m->answer[pack(m, from)].worst[g], is = m->answer[pack(m, to)].worst[g];

	if (open ? is > 1 : is > 1 && is > was)
		return FAIL(m, "%u functions answer after %s, %u before, from %x to %x", is,
			    open ? "open" : "shut", was, from, to);
	return true;
}

static bool check_arrival(struct model *m, u32 g, u32 slot, u32 code)
{
	const struct answer *a = &m->answer[pack(m, code)];
	const struct group *x = &m->group[g];
	u32 i, count, first, want = 0;

	if (slot != IOMUL_NONE) {
		first = iomul_slot_span(&m->w.t, x->slot_node[slot], &count);
		for (i = first; i < first + count; i++)
			if (function_index(m, i) < m->functions)
				want |= 1U << function_index(m, i);
	}
	if ((a->some & x->functions) != want || (a->all & want) != want || a->worst[g] > 1)
		return FAIL(m, "arrived at %d, reached %x and wholly %x, want %x, state %x",
			    (int)slot, a->some, a->all, want, code);
	if (slot == IOMUL_NONE && (code & x->mask & m->hardware))
		return FAIL(m, "all shut, but state %x", code);
	return true;
}

/* A step that does @writes config writes of its gate, the last perhaps in doubt. */
static bool take_step(struct model *m, u32 g, u32 code, const struct way *w, u32 writes, u32 belief)
{
	const struct bits *b = &m->bits[w->gate];
	u32 mask = ((1U << writes) - 1) << b->shift, hw = code & m->hardware;

	hw = w->open ? hw | mask : hw & ~mask;
	return check_step(m, g, w->open, code & m->hardware, hw) && go(m, g, code, belief, hw);
}

static bool go_to(struct model *m, u32 g, u32 code, const struct belief *b, u32 slot)
{
	const struct way *w = &b->way[slot == IOMUL_NONE ? m->group[g].mux.slots : slot];
	u32 n, width;

	if (!go(m, g, code, w->begun, code & m->hardware))
		return false;
	if (w->arrived)
		return check_arrival(m, g, slot, code);
	width = m->bits[w->gate].width;
	if (!take_step(m, g, code, w, width, w->done))
		return false;
	/* The first n writes took effect, and one was reported as failed: this or the next. */
	for (n = 0; n <= width; n++)
		if (!take_step(m, g, code, w, n, w->failed))
			return false;
	return true;
}

/* Without gates opened by others they may still be shut by others: a reset. */
static bool forget_gate(struct model *m, u32 g, u32 code, const struct belief *b, u32 gate)
{
	const struct bits *x = &m->bits[gate];
	u32 v, was = code >> x->shift & field(x), hw = code & m->hardware & ~(field(x) << x->shift);

	for (v = 0; v <= field(x); v++)
		if ((m->foreign || !(v & ~was)) &&
		    !go(m, g, code, b->forgot_gate[gate], hw | v << x->shift))
			return false;
	return true;
}

static bool expand(struct model *m, u32 code)
{
	u32 g, i, belief = believed(m, code);
	const struct belief *b;

	for (g = 0; g < m->groups; g++) {
		b = belief_get(m, g, belief & m->group[g].mask);
		if (!b)
			return false;
		for (i = 0; i <= m->group[g].mux.slots; i++)
			if (!go_to(m, g, code, b, i == m->group[g].mux.slots ? IOMUL_NONE : i))
				return false;
		for (i = 0; i < m->gates; i++)
			if (m->bits[i].group == g && !forget_gate(m, g, code, b, i))
				return false;
		if (!go(m, g, code, b->forgot, code & m->hardware))
			return false;
	}
	return true;
}

/* From a fresh mux: nothing is known, and all gates are shut as attach leaves them. */
static bool walk(struct model *m, bool foreign)
{
	u32 start = m->unknown;

	m->foreign = foreign;
	m->stacked = 0;
	memset(m->seen, 0, ((size_t)1 << m->code_bits) / 8 + 1);
	if (!check_state(m, start) || !push(m, start))
		return false;
	while (m->stacked)
		if (!expand(m, m->stack[--m->stacked]))
			return false;
	return true;
}

/*
 * Building the fabric.
 */

#define TEXT 2048

/* One more line of the description, at @depth. */
static void line(char *text, u32 depth, const char *form, ...)
{
	size_t used = strlen(text);
	va_list ap;

	used += (size_t)snprintf(text + used, TEXT - used, "%*s", (int)depth, "");
	va_start(ap, form);
	vsnprintf(text + used, TEXT - used, form, ap);
	va_end(ap);
}

/* One bus of @shape; BAR sizes differ, so that ends of BARs are told apart. */
static const char *describe(const char *shape, u32 depth, char *text, u32 *slot)
{
	static const u32 size[] = { 0x100, 0x40, 0x80, 0x20 };
	u32 dev = 1;

	for (; *shape && *shape != ')'; shape++, dev++) {
		if (*shape == 'F' || *shape == 'D')
			line(text, depth, "s%u: fn %x @%x.0\n", *slot, size[*slot & 3], dev);
		else
			line(text, depth, "port @%x.0\n", dev);
		if (*shape == '(')
			shape = describe(shape + 1, depth + 1, text, slot);
		else if (*shape == 'P')
			line(text, depth + 1, "s%u: fn %x\n", *slot, size[*slot & 3]);
		else if (*shape == 'D')
			line(text, depth, "fn 20 @%x.3\n", dev);
		*slot += *shape != ')';
	}
	return shape;
}

enum place {
	ON_ROOT,
	BELOW_MIXED,	/* a port that leads to a bystander too */
	BELOW_WIDENED,	/* of which the bystander needs the whole window */
	PLACES
};

static const char *const place_name[PLACES] = { "on a root bus", "below a mixed port",
						"below a widened port" };

static void describe_all(const char *shape, enum place place, char *text, char *names)
{
	u32 i, slots = 0;

	text[0] = names[0] = 0;
	line(text, 0, "root 1000-ffff low=1000\n");
	line(text, 0, "o: fn 20@1000 @0.0\n");
	if (place == BELOW_MIXED) {
		line(text, 0, "port w=2000-7fff @1.0\n");
		line(text, 1, "o: fn 20@2000 @0.0\n");
	} else if (place == BELOW_WIDENED) {
		line(text, 0, "port w=2000-2fff @1.0\n");
		line(text, 1, "o: fn 1000@2000 @0.0\n");
	}
	describe(shape, place != ON_ROOT, text, &slots);
	for (i = 0; i < slots; i++)
		line(names, 0, "s%u ", i);
}

static bool add_gates(struct model *m, u32 g)
{
	struct group *x = &m->group[g];
	const struct iomul_gate *gate;
	u32 i, k;

	for (i = 0; i < x->mux.gates; i++) {
		struct bits *b = &m->bits[m->gates++];

		gate = &x->mux.gate[i];
		*b = (struct bits){ .group = g, .gate = i, .shift = m->code_bits };
		for (k = gate->node; k < gate->node + gate->nodes; k++)
			b->node[b->width++] = k;
		m->hardware |= field(b) << b->shift;
		m->hardware_bits += b->width;
		m->unknown |= unknown_bit(b);
		m->unknown2 |= b->width == 2 ? unknown_bit(b) : 0;
		x->mask |= (field(b) << b->shift) | unknown_bit(b);
		m->code_bits += b->width + 1;
	}
	x->owner_bit = 1U << m->code_bits++;
	x->mask |= x->owner_bit;
	return m->code_bits <= 30 || FAIL(m, "too many gates");
}

static bool add_group(struct model *m, u32 g)
{
	struct group *x = &m->group[g];
	const struct iomul_group *group = &m->w.t.group[g];
	u32 i;

	if (mux_alloc(&m->w.t, group->id, &x->mux, &x->slot_node))
		return FAIL(m, "no mux");
	m->groups++;
	x->window = group->window;
	for (i = 0; i < m->w.t.nodes; i++) {
		if (m->w.t.node[i].group != group->id || (m->w.t.node[i].flags & IOMUL_NODE_PORT))
			continue;
		x->functions |= 1U << m->functions;
		m->function[m->functions++] = i;
	}
	return add_gates(m, g);
}

static void make_pack(struct model *m)
{
	u32 i, k, bit = 0;

	for (i = 0; i < 30; i++) {
		if (!(m->hardware >> i & 1))
			continue;
		for (k = 0; k < 1024; k++)
			if (k >> (i % 10) & 1)
				m->pack[i / 10][k] |= 1U << bit;
		bit++;
	}
}

static bool build(struct model *m, const char *shape, u32 windows, enum place place)
{
	char text[TEXT], names[TEXT];
	u32 i, done;

	describe_all(shape, place, text, names);
	if (world_parse(&m->w, text))
		return FAIL(m, "%s", m->w.error);
	m->w.policy.windows = windows;
	if (world_plan(&m->w, names))
		return FAIL(m, "no plan: reason %u", m->w.plan.refusal.reason);
	if (m->w.t.groups != windows)
		return FAIL(m, "%u windows", m->w.t.groups);
	if (fabric_init(&m->f, m->w.t.node, m->w.t.nodes, m->w.t.root, m->w.t.roots) ||
	    carry_init(&m->c, &m->f, &m->w.t) || carry_plan(&m->c, &m->w.plan, &done))
		return FAIL(m, "no fabric");
	for (i = 0; i < windows; i++)
		if (!add_group(m, i))
			return false;
	make_pack(m);
	m->seen = malloc(((size_t)1 << m->code_bits) / 8 + 1);
	return m->seen || FAIL(m, "no memory");
}

static void model_fini(struct model *m)
{
	u32 i;

	for (i = 0; i < m->groups; i++) {
		mux_free(&m->group[i].mux, m->group[i].slot_node);
		free(m->group[i].belief);
	}
	carry_fini(&m->c);
	fabric_fini(&m->f);
	world_fini(&m->w);
	free(m->answer);
	free(m->seen);
	free(m->stack);
	free(m);
}

/* The gates on the anchor bus of @shape: as many windows can be used. */
static u32 branches(const char *shape)
{
	u32 n = 0, depth = 0;

	for (; *shape; shape++) {
		depth += *shape == '(';
		n += *shape == ')' ? depth == 1 : !depth;
		depth -= *shape == ')';
	}
	return n;
}

static bool run(const char *shape, u32 windows, enum place place, bool verbose)
{
	struct model *m = calloc(1, sizeof(*m));
	bool ok;

	if (!m)
		return false;
	ok = build(m, shape, windows, place) && make_answers(m) && walk(m, false) && walk(m, true) &&
	     !m->what[0];
	total_states += m->states;
	total_transitions += m->transitions;
	if (most_gates < m->gates)
		most_gates = m->gates;
	if (!ok || verbose)
		printf("%s, %u window%s, %s: %llu states, %llu transitions%s%s\n", shape, windows,
		       windows > 1 ? "s" : "", place_name[place],
		       (unsigned long long)m->states, (unsigned long long)m->transitions,
		       ok ? "" : ": ", m->what);
	model_fini(m);
	return ok;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct bound {
	u32 slots;
	u32 levels;
	u32 doubles; /* slots of two function gates: in trees of so many slots at most */
	u32 mixed; /* below a mixed port as well: trees of so many slots at most */
	bool verbose;
};

static bool run_shape(const struct bound *b, u32 slots, const char *shape, u32 *passed)
{
	u32 windows, most = branches(shape) < 2 ? 1 : 2, place, places;

	for (windows = 1; windows <= most; windows++) {
		/* A port is widened for one window. */
		places = slots > b->mixed ? 1 : windows == 1 ? PLACES : BELOW_WIDENED;
		for (place = ON_ROOT; place < places; place++) {
			if (!run(shape, windows, place, b->verbose))
				return false;
			++*passed;
		}
	}
	return true;
}

static u32 run_slots(const struct bound *b, u32 slots, u32 *passed)
{
	struct shapes s;
	u32 failed = 0;
	u64 states = total_states;
	double start = now();
	size_t i;

	if (shapes_make(&s, slots, b->levels, slots <= b->doubles))
		return 1;
	for (i = 0; i < s.n; i++)
		failed += !run_shape(b, slots, s.text[i], passed);
	printf("%u slots, up to %u levels: %zu trees, %llu states, %.1f s\n", slots, b->levels, s.n,
	       (unsigned long long)(total_states - states), now() - start);
	fflush(stdout);
	shapes_free(&s);
	return failed;
}

/* usage: model [-v] [SLOTS [LEVELS [DOUBLES [MIXED]]]] */
int main(int argc, char **argv)
{
	struct bound b = { .slots = 4, .levels = 3, .doubles = 2, .mixed = 2 };
	u32 i, passed = 0, failed = 0, at = 1;

	if (argc > 1 && !strcmp(argv[1], "-v"))
		b.verbose = at++;
	if ((int)at < argc)
		b.slots = (u32)atoi(argv[at++]);
	if ((int)at < argc)
		b.levels = (u32)atoi(argv[at++]);
	if ((int)at < argc)
		b.doubles = (u32)atoi(argv[at++]);
	if ((int)at < argc)
		b.mixed = (u32)atoi(argv[at++]);
	for (i = 1; i <= b.slots; i++)
		failed += run_slots(&b, i, &passed);
	printf("closed: %llu states, %llu transitions, at most %u gates\n",
	       (unsigned long long)total_states, (unsigned long long)total_transitions, most_gates);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
