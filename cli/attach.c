// SPDX-License-Identifier: GPL-2.0-only
/* iomul attach: lets slots share. */
#include <stdlib.h>
#include "boot.h"

static struct json_object *json_slots(const struct iomul_addr *slot, u32 count)
{
	struct json_object *a = json_object_new_array();
	u32 i;

	for (i = 0; i < count; i++)
		json_object_array_add(a, json_slot(slot[i]));
	return a;
}

static void report_json(const struct view *v, const struct skipped *skipped,
			const struct iomul_addr *slot, u32 slots, const struct iomul_refusal *refusal)
{
	struct json_object *o = json_object_new_object();

	json_put_u64(o, "schema", SCHEMA);
	json_put(o, "attached", json_slots(slot, slots));
	json_put(o, "skipped", skipped_json(v, skipped));
	json_put(o, "refusal", refusal->reason ? refusal_json(refusal, v) : NULL);
	json_print(o);
}

static bool slot_given(const struct iomul_addr *slot, u32 slots, struct iomul_addr addr)
{
	u32 i;

	for (i = 0; slot && i < slots; i++)
		if (addr_same_slot(slot[i], addr))
			return true;
	return false;
}

/* A line for each group that one of the slots is in now. */
static void report_text(struct iomul_ctx *ctx, const struct iomul_addr *slot, u32 slots)
{
	struct iomul_state *s;
	char range[24];
	u32 i, k, joined;

	if (iomul_state_get(ctx, &s)) {
		printf("%u %s attached.\n", slots, slots == 1 ? "slot" : "slots");
		return;
	}
	for (i = 0; i < s->groups; i++) {
		for (k = joined = 0; k < s->slots; k++)
			joined += s->slot[k].group == s->group[i].id &&
				  slot_given(slot, slots, s->slot[k].addr);
		if (joined)
			printf("%u %s attached to group %u: window %s, %u %s in all.\n", joined,
			       joined == 1 ? "slot" : "slots", s->group[i].id,
			       range_text(s->group[i].window, range), s->group[i].slots,
			       s->group[i].slots == 1 ? "slot" : "slots");
	}
	iomul_state_put(s);
}

static int do_attach(struct iomul_ctx *ctx, const struct choice *ch, const struct iomul_addr *slot,
		     u32 slots, struct iomul_refusal *refusal)
{
	int rc;

	progress_begin(0, "Attaching %u %s", slots, slots == 1 ? "slot" : "slots");
	rc = iomul_ctx_attach(ctx, slot, slots, ch->windows, ch->reserve, refusal);
	progress_end();
	if (!rc)
		return EXIT_DONE;
	return refusal->reason ? EXIT_REFUSED : device_failed(rc, "attach");
}

static int attach(struct iomul_ctx *ctx, struct view *v, const struct choice *ch)
{
	struct iomul_refusal refusal = { 0 };
	struct iomul_addr *slot = NULL;
	struct skipped skipped;
	u32 slots = 0;
	int code = choose(v, ch, &skipped, &refusal);

	if (!ch->json)
		skipped_print(v, &skipped);
	if (!code) {
		slot = chosen_slots(v, &slots);
		code = slot ? do_attach(ctx, ch, slot, slots, &refusal) : out_of_memory();
	} else if (!refusal.reason) {
		complain("no slot can be attached%s",
			 ch->starved && !skipped.count ? ": every function has ports" : "");
	}
	if (refusal.reason)
		refusal_print(&refusal, v);
	if (ch->json)
		report_json(v, &skipped, slot, slot && !code ? slots : 0, &refusal);
	else if (!code)
		report_text(ctx, slot, slots);
	if (!code && ch->save)
		code = conf_save(slot, slots, ch->windows, ch->reserve);
	free(slot);
	skipped_free(&skipped);
	return code;
}

/* What is not there yet can't be looked at first. */
static int attach_future(struct iomul_ctx *ctx, const struct choice *ch)
{
	struct iomul_refusal refusal = { 0 };
	int rc = iomul_ctx_attach_future(ctx, ch->slot, ch->slots, ch->windows, ch->reserve,
					 &refusal);

	if (refusal.reason) {
		refusal_print(&refusal, NULL);
		return EXIT_REFUSED;
	}
	if (rc)
		return device_failed(rc, "attach");
	printf("%u %s attached, or will be when a device is there.\n", ch->slots,
	       ch->slots == 1 ? "slot" : "slots");
	return ch->save ? conf_save(ch->slot, ch->slots, ch->windows, ch->reserve) : EXIT_DONE;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct iomul_ctx *ctx;
	struct view v;
	struct choice ch;
	int code = choice_parse(&ch, self,
				CHOOSE_SLOTS | CHOOSE_ALL | CHOOSE_STARVED | CHOOSE_POLICY |
					CHOOSE_JSON | CHOOSE_NEEDED | CHOOSE_SAVE |
					CHOOSE_FUTURE,
				argc, argv);

	if (code != CHOICE_GO)
		return code;
	if (ch.future && (!ch.slots || ch.json)) {
		choice_free(&ch);
		return usage_error(self, "--future wants slots by address, and not --json");
	}
	code = device_open(&ctx, false, false);
	if (!code && ch.future) {
		code = attach_future(ctx, &ch);
		iomul_ctx_close(ctx);
	} else if (!code) {
		code = view_load(&v, ctx);
		if (!code) {
			code = attach(ctx, &v, &ch);
			view_free(&v);
		}
		iomul_ctx_close(ctx);
	}
	choice_free(&ch);
	return code;
}

const struct command cmd_attach = {
	"attach",
	"SLOT...|--starved|--all [--windows N|auto] [--reserve N] [--future] [--save] [--json]",
	"Lets slots share a window of ports",
	"All slots that are named, or none. 'iomul plan' with the same arguments shows what\n"
	"will be done.\n\n"
	"  --starved      the slots with a function that has no ports\n"
	"  --all          every slot that can share; says which can't\n"
	"  --windows N    at most N windows for each root bus (1); 'auto': as many as useful\n"
	"  --reserve N    windows of 4 KiB to leave free on each root bus (0)\n"
	"  --future       slots where no device is now share as soon as one is there\n"
	"  --save         write them into /etc/iomul.conf, so that they share after a reboot, too\n"
	"  --json         for programs\n",
	run
};
