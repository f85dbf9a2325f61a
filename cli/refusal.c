// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every reason for a refusal as a sentence: which device, what was wrong with
 * it, what to do next. In a template stand
 *
 *	{slot}    the slot, with the device's name where libpci knows it
 *	{SLOT}    its address alone
 *	{at}      the function at fault, with its name
 *	{AT}      its address alone
 *	{hint}    the other device, with its name
 *	{HINT}    its slot's address alone
 *	{range} {need} {who}
 */
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "from.h"

#define HOLDERS_SHOWN 8

static const struct reason {
	const char *name;
	const char *text;
	const char *hinted; /* added when there is a hint */
} reasons[IOMUL_R_COUNT] = {
	[IOMUL_R_NONE] = { "none", "", NULL },
	[IOMUL_R_NO_SLOT] = { "no-slot", "{SLOT}: there is no such device; lspci lists what there is",
			      NULL },
	[IOMUL_R_BRIDGE] = { "bridge",
			     "{slot}: this is a bridge, not a device; name a slot behind it", NULL },
	[IOMUL_R_NO_IO_BAR] = { "no-io-bar",
				"{slot}: none of its functions has an I/O BAR, so there is nothing "
				"to share; leave it out",
				NULL },
	[IOMUL_R_IN_USE] = { "in-use",
			     "{slot}: its ports are used by the host driver {who} ({AT}); unbind it "
			     "first: echo {AT} > /sys/bus/pci/drivers/{who}/unbind",
			     NULL },
	[IOMUL_R_SHARED] = { "shared",
			     "{slot}: it shares already, see 'iomul status'; leave it out", NULL },
	[IOMUL_R_NOT_SHARED] = { "not-shared",
				 "{slot}: it does not share, so there is nothing to detach; "
				 "'iomul status' lists the slots that do",
				 NULL },
	[IOMUL_R_NO_FORWARD] = { "no-forward",
				 "{slot}: the port above it, {at}, cannot forward I/O at all; put "
				 "the device into another physical slot",
				 NULL },
	[IOMUL_R_ISA] = { "isa",
			  "{slot}: the port {at} has ISA Enable set, and {need} bytes do not fit into "
			  "the 256 of each 1024 that it forwards; clear the bit if nothing needs it: "
			  "setpci -s {AT} BRIDGE_CONTROL=0:4",
			  NULL },
	[IOMUL_R_TOO_BIG] = { "too-big",
			      "{slot}: it needs {need} bytes, more than the window {range} has; detach "
			      "that window's slots and attach them together with this one",
			      NULL },
	[IOMUL_R_NO_SPACE] = { "no-space",
			       "{slot}: {need} bytes of ports are nowhere free below its root bus",
			       "; attach {hint} as well: its range can carry the window (add {HINT})" },
	[IOMUL_R_IO16] = { "io16",
			   "{slot}: {at} decodes 16 address bits only and can't have ports {range}; "
			   "make room below 10000, or leave it out",
			   NULL },
	[IOMUL_R_UNSIZED] = { "unsized",
			      "{slot}: the size of an I/O BAR of {AT} is not known; load the module, "
			      "which can tell: modprobe iomul",
			      NULL },
	[IOMUL_R_OPEN] = { "open",
			   "{slot}: {AT} is held open by {who}; end that first (shut the guest down)",
			   NULL },
	[IOMUL_R_LENDER] = { "lender",
			     "{slot}: its own range {range} carries the window of the group; detach "
			     "the group's other slots first, or all: iomul detach --all",
			     NULL },
	[IOMUL_R_HARDWARE] = { "hardware",
			       "{slot}: config space of {at} did not take a write, or is not reached by "
			       "the bus numbers of the ports above; look into the kernel's log (dmesg) "
			       "for errors of the device, or rescan (/sys/bus/pci/rescan), and try again",
			       NULL },
	[IOMUL_R_GONE] = { "gone", "{SLOT}: it was removed meanwhile; look with lspci and try again",
			   NULL },
	[IOMUL_R_CONFLICT] = { "conflict",
			       "{slot}: the ports {range} were taken meanwhile by {who}; try again",
			       NULL },
	[IOMUL_R_HOOKED] = { "hooked",
			     "{slot}: config access to the bus of {at} is taken over by somebody "
			     "else (error injection?); unload that module and try again",
			     NULL },
	[IOMUL_R_MIXED] = { "mixed",
			    "{slot}: its port {at} also leads to ports of others and has no {need} "
			    "bytes left in its window {range}, nor beside it",
			    "; attach {hint} as well (add {HINT})" },
	[IOMUL_R_SEIZED] = { "seized",
			     "{slot}: {who} seized {at} while it shared, and would write the shared "
			     "ports back into it when it lets go; let it go first: xl "
			     "pci-assignable-remove {AT}",
			     NULL },
	[IOMUL_R_LEASED] = { "leased",
			     "{slot}: the window of its group is leased to the slot of {at} for {who}; "
			     "wait until that ends, or unbind the driver that uses the ports",
			     NULL },
	[IOMUL_R_RIVAL] = { "rival",
			    "{slot}: {at}, below the same window, is bound to {who}, whose user may take "
			    "ports at any moment; unbind it first, or if it shares: iomul bind {at}",
			    NULL },
	[IOMUL_R_STRANDED] = { "stranded",
			       "{slot}: the group below {AT} lost its ports {range} to others, since Linux gave "
			       "up windows for a device that was plugged in; detach the group's slots first",
			       NULL },
	[IOMUL_R_CLOSED] = { "closed",
			     "{slot}: the port {at} does not pass ports {range} on, though Linux has them there: it "
			     "gave them up once and did not open them again; remove that port and rescan: echo 1 > "
			     "/sys/bus/pci/devices/{AT}/remove; echo 1 > /sys/bus/pci/rescan",
			     NULL },
};

const char *reason_name(u32 reason)
{
	return reason < IOMUL_R_COUNT && reasons[reason].name ? reasons[reason].name : "unknown";
}

/* "addr (name)", or the address alone. A slot is named after its first function. */
static void put_named(FILE *f, const struct view *v, struct iomul_addr addr, bool slot)
{
	char text[ADDR_TEXT], name[96] = "";
	u32 i;

	fputs(slot ? addr_slot(addr, text) : addr_function(addr, text), f);
	for (i = 0; v && i < v->t.nodes; i++) {
		const struct iomul_node *n = &v->t.node[i];

		if (!(slot ? addr_same_slot(n->addr, addr) : addr_equal(n->addr, addr)))
			continue;
		if (*function_name(v, n, name, sizeof(name)))
			fprintf(f, " (%s)", name);
		return;
	}
}

static void put_field(FILE *f, const char *field, size_t n, const struct iomul_refusal *r,
		      const struct view *v)
{
	char text[24];

	if (!strncmp(field, "slot", n))
		put_named(f, v, r->slot, true);
	else if (!strncmp(field, "at", n))
		put_named(f, v, r->at, false);
	else if (!strncmp(field, "hint", n))
		put_named(f, v, r->hint, true);
	else if (!strncmp(field, "SLOT", n))
		fputs(addr_slot(r->slot, text), f);
	else if (!strncmp(field, "AT", n))
		fputs(addr_function(r->at, text), f);
	else if (!strncmp(field, "HINT", n))
		fputs(addr_slot(r->hint, text), f);
	else if (!strncmp(field, "range", n))
		fputs(range_text(r->range, text), f);
	else if (!strncmp(field, "need", n))
		fprintf(f, "%u", r->need);
	else
		fprintf(f, "%.*s", IOMUL_NAME_MAX, *r->who ? r->who : "somebody");
}

static void put_template(FILE *f, const char *t, const struct iomul_refusal *r,
			 const struct view *v)
{
	size_t n;

	while (*t) {
		if (*t != '{') {
			fputc(*t++, f);
			continue;
		}
		n = strcspn(++t, "}");
		put_field(f, t, n, r, v);
		t += n + 1;
	}
}

/* There is no module to load for a machine that is not here. */
static const char unsized_elsewhere[] =
	"{slot}: the size of an I/O BAR of {AT} is not in the capture; the kernel's log (dmesg) from "
	"the boot on tells it";

char *refusal_text(const struct iomul_refusal *r, const struct view *v)
{
	const struct reason *why;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	why = r->reason < IOMUL_R_COUNT ? &reasons[r->reason] : NULL;
	if (why && why->text) {
		if (r->reason == IOMUL_R_UNSIZED && v && v->capture)
			put_template(f, unsized_elsewhere, r, v);
		else
			put_template(f, why->text, r, v);
		if (why->hinted && !addr_same_slot(r->hint, r->slot))
			put_template(f, why->hinted, r, v);
	} else {
		put_named(f, v, r->slot, true);
		fprintf(f, ": refused for reason %u, which this command does not know; update it",
			r->reason);
	}
	fclose(f);
	return text;
}

/* The root that a slot is below. */
static u32 root_of(const struct view *v, struct iomul_addr slot)
{
	u32 i;

	for (i = 0; i < v->t.nodes; i++)
		if (addr_same_slot(v->t.node[i].addr, slot))
			return v->t.node[i].root;
	return IOMUL_NONE;
}

void refusal_print(const struct iomul_refusal *r, const struct view *v)
{
	char *text = refusal_text(r, v);
	u32 root;

	complain("%s", text ? text : "out of memory");
	free(text);
	if (r->reason != IOMUL_R_NO_SPACE || !v)
		return;
	root = root_of(v, r->slot);
	if (root != IOMUL_NONE)
		holders_print(stderr, v, root, HOLDERS_SHOWN);
}

void refusal_say(struct iomul_ctx *ctx, const struct iomul_refusal *r)
{
	struct view v;

	if (view_load(&v, ctx)) {
		refusal_print(r, NULL);
		return;
	}
	refusal_print(r, &v);
	view_free(&v);
}

struct json_object *refusal_json(const struct iomul_refusal *r, const struct view *v)
{
	struct json_object *o = json_object_new_object();
	char *text = refusal_text(r, v);

	json_put_text(o, "reason", reason_name(r->reason));
	json_put(o, "slot", json_slot(r->slot));
	json_put(o, "at", json_function(r->at));
	json_put(o, "hint", addr_same_slot(r->hint, r->slot) ? NULL : json_slot(r->hint));
	json_put(o, "range", json_range(r->range));
	json_put_u64(o, "need", r->need);
	json_put_text(o, "who", *r->who ? r->who : NULL);
	json_put_text(o, "message", text);
	free(text);
	return o;
}
