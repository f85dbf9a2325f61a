// SPDX-License-Identifier: GPL-2.0-only
/* iomul metrics: the counters in Prometheus' text form, for a textfile collector. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "from.h"

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP iomul_%s %s\n# TYPE iomul_%s %s\n", name, help, name, type);
}

/* A label's value: quotes, backslashes and newlines are escaped. */
static void quoted(FILE *f, const char *text, size_t most)
{
	for (; *text && most--; text++) {
		if (*text == '\n') {
			fputs("\\n", f);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
}

static const struct group_metric {
	const char *name, *type, *help;
	size_t offset;
} group_metrics[] = {
	{ "group_accesses_total", "counter", "Port accesses carried out.",
	  offsetof(struct iomul_group_status, accesses) },
	{ "group_switches_total", "counter", "Changes of owner.",
	  offsetof(struct iomul_group_status, switches) },
	{ "group_config_writes_total", "counter", "Config writes to gates by changes of owner.",
	  offsetof(struct iomul_group_status, config_writes) },
	{ "group_events_total", "counter", "Times the group was shut because of an event.",
	  offsetof(struct iomul_group_status, events) },
	{ "group_foreign_writes_total", "counter", "Writes of others to gates or windows, kept out.",
	  offsetof(struct iomul_group_status, foreign_writes) },
	{ "group_repairs_total", "counter", "Differences from the hardware found and put right.",
	  offsetof(struct iomul_group_status, repairs) },
};

static const struct slot_metric {
	const char *name, *help;
	size_t offset;
	double unit;
} slot_metrics[] = {
	{ "slot_accesses_total", "Port accesses carried out.",
	  offsetof(struct iomul_slot_status, accesses), 1 },
	{ "slot_switches_total", "Times the slot became owner.",
	  offsetof(struct iomul_slot_status, switches), 1 },
	{ "slot_waits_total", "Times it had to wait for its turn.",
	  offsetof(struct iomul_slot_status, waits), 1 },
	{ "slot_wait_seconds_total", "Time it waited for its turn.",
	  offsetof(struct iomul_slot_status, wait_ns), 1e9 },
	{ "slot_errors_total", "Accesses that could not be routed.",
	  offsetof(struct iomul_slot_status, errors), 1 },
};

static u64 field(const void *base, size_t offset)
{
	u64 value;

	memcpy(&value, (const char *)base + offset, sizeof(value));
	return value;
}

static void put_groups(FILE *f, const struct iomul_state *s)
{
	size_t m;
	u32 i;

	for (m = 0; m < sizeof(group_metrics) / sizeof(group_metrics[0]); m++) {
		head(f, group_metrics[m].name, group_metrics[m].type, group_metrics[m].help);
		for (i = 0; i < s->groups; i++)
			fprintf(f, "iomul_%s{group=\"%u\"} %llu\n", group_metrics[m].name,
				s->group[i].id,
				(unsigned long long)field(&s->group[i], group_metrics[m].offset));
	}
	head(f, "group_slots", "gauge", "Slots that share in the group.");
	for (i = 0; i < s->groups; i++)
		fprintf(f, "iomul_group_slots{group=\"%u\"} %u\n", s->group[i].id, s->group[i].slots);
	head(f, "group_window_first_port", "gauge", "First port of the shared window.");
	for (i = 0; i < s->groups; i++)
		fprintf(f, "iomul_group_window_first_port{group=\"%u\"} %u\n", s->group[i].id,
			s->group[i].window.first);
}

static void slot_labels(FILE *f, const char *name, const struct iomul_slot_status *s)
{
	char addr[ADDR_TEXT];

	fprintf(f, "iomul_%s{group=\"%u\",slot=\"%s\"} ", name, s->group, addr_slot(s->addr, addr));
}

static void put_bucket(FILE *f, const struct iomul_slot_status *s, const char *below, u64 count)
{
	char addr[ADDR_TEXT];

	fprintf(f, "iomul_slot_wait_seconds_bucket{group=\"%u\",slot=\"%s\",le=\"%s\"} %llu\n",
		s->group, addr_slot(s->addr, addr), below, (unsigned long long)count);
}

static void put_waits(FILE *f, const struct iomul_slot_status *s, const struct iomul_slot_waits *w)
{
	u64 count = 0;
	char below[32];
	u32 i;

	for (i = 0; i < IOMUL_WAIT_BUCKETS; i++) {
		count += w->bucket[i];
		snprintf(below, sizeof(below), "%.9g", (double)(1024ULL << i) / 1e9);
		put_bucket(f, s, i == IOMUL_WAIT_BUCKETS - 1 ? "+Inf" : below, count);
	}
	slot_labels(f, "slot_wait_seconds_sum", s);
	fprintf(f, "%.9f\n", (double)s->wait_ns / 1e9);
	slot_labels(f, "slot_wait_seconds_count", s);
	fprintf(f, "%llu\n", (unsigned long long)count);
}

static void put_slots(FILE *f, const struct iomul_state *s)
{
	size_t m;
	u32 i;

	for (m = 0; m < sizeof(slot_metrics) / sizeof(slot_metrics[0]); m++) {
		head(f, slot_metrics[m].name, "counter", slot_metrics[m].help);
		for (i = 0; i < s->slots; i++) {
			u64 value = field(&s->slot[i], slot_metrics[m].offset);

			slot_labels(f, slot_metrics[m].name, &s->slot[i]);
			if (slot_metrics[m].unit > 1)
				fprintf(f, "%.9f\n", (double)value / slot_metrics[m].unit);
			else
				fprintf(f, "%llu\n", (unsigned long long)value);
		}
	}
	if (s->waits)
		head(f, "slot_wait_seconds", "histogram", "Waits for a turn, by how long they took.");
	for (i = 0; s->waits && i < s->slots; i++)
		put_waits(f, &s->slot[i], &s->waits[i]);
	head(f, "slot_users", "gauge", "Functions of the slot held open.");
	for (i = 0; i < s->slots; i++) {
		slot_labels(f, "slot_users", &s->slot[i]);
		fprintf(f, "%u\n", s->slot[i].users);
	}
	head(f, "slot_present", "gauge", "0 while the slot is unplugged.");
	for (i = 0; i < s->slots; i++) {
		slot_labels(f, "slot_present", &s->slot[i]);
		fprintf(f, "%d\n", !(s->slot[i].flags & IOMUL_SLOT_GONE));
	}
	head(f, "slot_stranded", "gauge", "1 when the group's ports are gone: detach it.");
	for (i = 0; i < s->slots; i++) {
		slot_labels(f, "slot_stranded", &s->slot[i]);
		fprintf(f, "%d\n", !!(s->slot[i].flags & IOMUL_SLOT_STRANDED));
	}
}

static void put_info(FILE *f, const struct iomul_info *info)
{
	head(f, "info", "gauge", "Release of the module, as a label.");
	fputs("iomul_info{release=\"", f);
	quoted(f, info->out_release, IOMUL_NAME_MAX);
	fprintf(f, "\",abi=\"%u\"} 1\n", info->out_abi);
	head(f, "slot_memory_bytes", "gauge", "Kernel memory of an attached slot, on average.");
	fprintf(f, "iomul_slot_memory_bytes %u\n", info->out_slot_bytes);
}

static int put_all(FILE *f)
{
	struct iomul_state *state = NULL;
	struct iomul_info info;
	struct iomul_ctx *ctx;
	int rc, code = device_open(&ctx, false, true);

	if (code && code != EXIT_ABSENT)
		return device_open(&ctx, false, false);
	head(f, "up", "gauge", "1 while the module is loaded.");
	fprintf(f, "iomul_up %d\n", !code);
	if (code)
		return EXIT_DONE;
	rc = iomul_ctx_info(ctx, &info);
	if (!rc)
		rc = iomul_state_get(ctx, &state);
	iomul_ctx_close(ctx);
	if (rc)
		return device_failed(rc, "reading the counters");
	put_info(f, &info);
	put_groups(f, state);
	put_slots(f, state);
	iomul_state_put(state);
	return EXIT_DONE;
}

/* Written beside it and renamed, so that a collector never reads half of it. */
static int put_file(const char *path)
{
	char *fresh;
	FILE *f;
	int code;

	if (asprintf(&fresh, "%s.new.%d", path, (int)getpid()) < 0)
		return out_of_memory();
	f = fopen(fresh, "we");
	code = f ? put_all(f) : EXIT_REFUSED;
	if (f && !code && (fflush(f) || fchmod(fileno(f), 0644)))
		code = EXIT_REFUSED;
	if (f && fclose(f) && !code)
		code = EXIT_REFUSED;
	if (!code && rename(fresh, path))
		code = EXIT_REFUSED;
	if (code == EXIT_REFUSED)
		complain("%s: %s", path, strerror(errno));
	if (f && code)
		unlink(fresh);
	free(fresh);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct verb_options o;
	int code = verb_parse(&o, self, "O", argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = o.output ? put_file(o.output) : put_all(stdout);
	verb_free(&o);
	return code;
}

const struct command cmd_metrics = {
	"metrics",
	"[--output FILE]",
	"Prints the counters for Prometheus",
	"For node_exporter's textfile collector, from a timer:\n"
	"  iomul metrics --output /var/lib/prometheus/node-exporter/iomul.prom\n\n"
	"  --output FILE  write there, at once and whole\n\n"
	"Without the module it prints iomul_up 0, and that is no failure.\n",
	run
};
