// SPDX-License-Identifier: GPL-2.0-only
/*
 * Larger trees than the model checks, random events. The reference knows the
 * bits of the gates and the path of each slot, nothing of the mux.
 */
#include <string.h>
#include "bytes.h"
#include "carry.h"

#define SLOTS 32
#define TEXT 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct world w;
	struct iomul_mux mux;
	u32 *slot_node;
	bool hw[256];
	bool foreign; /* somebody opened a gate since everything was in order */
};

static u32 make_bus(struct bytes *b, u32 depth, u32 slots, char *text)
{
	u32 dev, devs = 1 + draw(b, 6);

	for (dev = 0; dev < devs && slots < SLOTS; dev++) {
		size_t used = strlen(text);

		switch (depth < 6 ? draw(b, 3) : 0) {
		case 0:
			snprintf(text + used, TEXT - used, "%*sn%u: fn 20 @%x.0\n", (int)depth, "",
				 slots++, dev);
			break;
		case 1:
			snprintf(text + used, TEXT - used, "%*sport @%x.0\n%*sn%u: fn 20\n",
				 (int)depth, "", dev, (int)depth + 1, "", slots);
			slots++;
			break;
		default:
			snprintf(text + used, TEXT - used, "%*sport @%x.0\n", (int)depth, "", dev);
			slots = make_bus(b, depth + 1, slots, text);
		}
	}
	return slots;
}

static bool reached(const struct fuzz *f, u32 slot)
{
	const struct iomul_path *p = &f->mux.slot[slot];
	u32 i;

	for (i = 0; i < p->depth; i++)
		if (!f->hw[f->mux.path[p->first + i]])
			return false;
	return true;
}

static u32 reachable(const struct fuzz *f)
{
	u32 i, n = 0;

	for (i = 0; i < f->mux.slots; i++)
		n += reached(f, i);
	return n;
}

static void check_steps(struct fuzz *f, bool open, u32 before)
{
	u32 n = reachable(f);

	if (!iomul_mux_valid(&f->mux))
		DIE("mux not valid");
	if (n > 1 && (!f->foreign || open || n > before))
		DIE("%u slots reached after %s, %u before", n, open ? "open" : "shut", before);
}

/* @fail: the step that fails (0: none); @late: it took effect. */
static bool go_to(struct fuzz *f, u32 slot, u32 fail, bool late)
{
	struct iomul_mux_step s;
	u32 n = 0, before;

	while (iomul_mux_next(&f->mux, slot, &s) > 0) {
		before = reachable(f);
		if (++n > 4 * f->mux.gates + 4)
			DIE("no end");
		if (n != fail || late)
			f->hw[s.gate] = s.open;
		iomul_mux_done(&f->mux, s, n != fail);
		check_steps(f, s.open, before);
		if (n == fail)
			return false;
	}
	if (f->mux.owner != slot || (slot != IOMUL_NONE && !reached(f, slot)) ||
	    reachable(f) != (slot != IOMUL_NONE))
		DIE("arrived at %d: owner %d, %u reached", (int)slot, (int)f->mux.owner,
		    reachable(f));
	return true;
}

static void event(struct fuzz *f, struct bytes *b)
{
	struct iomul_mux_step s;
	u32 gate = draw(b, f->mux.gates), slot = draw(b, f->mux.slots);

	switch (draw(b, 8)) {
	case 0:
		iomul_mux_forget_gate(&f->mux, gate);
		f->hw[gate] = draw(b, 2);
		f->foreign |= f->hw[gate];
		break;
	case 1:
		iomul_mux_forget(&f->mux);
		break;
	case 2:
		iomul_mux_next(&f->mux, slot, &s);
		break;
	case 3:
		if (go_to(f, IOMUL_NONE, draw(b, 12), draw(b, 2)))
			f->foreign = false;
		break;
	case 4:
		go_to(f, slot, 1 + draw(b, 6), draw(b, 2));
		break;
	default:
		go_to(f, slot, 0, false);
	}
	if (!iomul_mux_valid(&f->mux))
		DIE("mux not valid");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	char text[TEXT] = "root 1000-ffff\n", names[16 * SLOTS] = "";
	struct fuzz f = { .foreign = true };
	u32 i, slots = make_bus(&b, 1, 0, text);

	for (i = 0; i < slots; i++)
		snprintf(names + strlen(names), 16, "n%u ", i);
	if (world_parse(&f.w, text))
		DIE("%s: %s", text, f.w.error);
	f.w.policy.windows = 1;
	if (!slots)
		goto out;
	if (world_plan(&f.w, names) || mux_alloc(&f.w.t, 0, &f.mux, &f.slot_node))
		DIE("%s: no plan", text);
	if (f.mux.slots != slots || f.mux.gates > 256)
		DIE("%s: %u slots, %u gates", text, f.mux.slots, f.mux.gates);
	for (i = 0; i < f.mux.gates; i++)
		f.hw[i] = draw(&b, 2);
	while (b.left)
		event(&f, &b);
	mux_free(&f.mux, f.slot_node);
out:
	world_fini(&f.w);
	return 0;
}
