// SPDX-License-Identifier: GPL-2.0-only
/* iomul detach: puts back what attach found. */
#include <stdlib.h>
#include <unistd.h>
#include "cli.h"

static u32 slots_attached(struct iomul_ctx *ctx)
{
	struct iomul_info info;

	return iomul_ctx_info(ctx, &info) ? 0 : info.out_slots;
}

static int do_detach(struct iomul_ctx *ctx, const struct choice *ch, struct iomul_refusal *refusal)
{
	int rc;

	progress_begin(0, "Detaching");
	if (ch->all)
		rc = iomul_ctx_detach_all(ctx, refusal);
	else
		rc = iomul_ctx_detach(ctx, ch->slot, ch->slots, refusal);
	progress_end();
	if (!rc)
		return EXIT_DONE;
	return refusal->reason ? EXIT_REFUSED : device_failed(rc, "detach");
}

static int detach(struct iomul_ctx *ctx, const struct choice *ch)
{
	struct iomul_refusal refusal = { 0 };
	u32 before = slots_attached(ctx), gone;
	struct json_object *o;
	int code = do_detach(ctx, ch, &refusal);

	while (ch->wait && code &&
	       (refusal.reason == IOMUL_R_OPEN || refusal.reason == IOMUL_R_LEASED)) {
		usleep(200000);
		refusal = (struct iomul_refusal){ 0 };
		code = do_detach(ctx, ch, &refusal);
	}
	if (refusal.reason)
		refusal_say(ctx, &refusal);
	gone = code ? 0 : ch->all ? before : ch->slots;
	if (ch->json) {
		o = json_object_new_object();
		json_put_u64(o, "schema", SCHEMA);
		json_put_u64(o, "detached", gone);
		json_put(o, "refusal", refusal.reason ? refusal_json(&refusal, NULL) : NULL);
		json_print(o);
	} else if (!code) {
		printf("%u %s detached.\n", gone, gone == 1 ? "slot" : "slots");
	}
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct iomul_ctx *ctx;
	struct choice ch;
	int code = choice_parse(&ch, self, CHOOSE_SLOTS | CHOOSE_ALL | CHOOSE_JSON | CHOOSE_NEEDED |
				CHOOSE_WAIT, argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = device_open(&ctx, false, false);
	if (!code) {
		code = detach(ctx, &ch);
		iomul_ctx_close(ctx);
	}
	choice_free(&ch);
	return code;
}

const struct command cmd_detach = {
	"detach", "SLOT...|--all [--wait] [--json]", "Ends the sharing and puts back what attach found",
	"All slots that are named, or none.\n\n"
	"  --all          every slot that shares\n"
	"  --wait         until nobody holds one of them open any more\n"
	"  --json         for programs\n",
	run
};
