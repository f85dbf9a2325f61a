// SPDX-License-Identifier: GPL-2.0-only
/* iomul version: of the command, and of the module where it is loaded. */
#include "cli.h"

static int run(const struct command *self, int argc, char **argv)
{
	struct choice ch;
	struct iomul_info info;
	struct iomul_ctx *ctx;
	int code = choice_parse(&ch, self, CHOOSE_JSON, argc, argv);
	bool loaded = false;
	struct json_object *o;

	if (code != CHOICE_GO)
		return code;
	choice_free(&ch);
	if (!device_open(&ctx, false, true)) {
		loaded = !iomul_ctx_info(ctx, &info);
		iomul_ctx_close(ctx);
	}
	if (ch.json) {
		o = json_object_new_object();
		json_put_u64(o, "schema", SCHEMA);
		json_put_text(o, "command", IOMUL_VERSION);
		json_put_u64(o, "abi", IOMUL_ABI_VERSION);
		json_put_text(o, "module", loaded ? info.out_release : NULL);
		json_print(o);
		return EXIT_DONE;
	}
	printf("iomul %s, ABI %d\n", IOMUL_VERSION, IOMUL_ABI_VERSION);
	if (loaded)
		printf("module %.*s, ABI %u\n", IOMUL_NAME_MAX, info.out_release, info.out_abi);
	return EXIT_DONE;
}

const struct command cmd_version = { "version", "[--json]",
				     "Says which version this is, and the loaded module's",
				     "  --json     for programs\n", run };
