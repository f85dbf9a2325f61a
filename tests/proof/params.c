// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof: the parser of parameters, for every text of up to CHARS bytes.
 *
 * One item is looked at, from any place in the text on. What is shown of it
 * includes that the next one begins behind it, so it holds for all of them. A
 * shorter text is the end of one of CHARS bytes: the parser looks at nothing
 * before the item. Longer texts are taken apart: addresses, paths up to a
 * parenthesis, and what is behind it, where scan_path() ends.
 */
#include "param.c"
#include "proof.h"

static char text[CHARS];

static void any_text(void)
{
	__CPROVER_havoc_object(text);
}

static bool id_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* 1 to 8 characters, and zeros. */
static bool id_good(const char *id)
{
	bool good = id[0], end = false;

	for (u32 i = 0; i < IOMUL_ID_MAX; i++) {
		good = good && (end ? !id[i] : !id[i] || id_char(id[i]));
		end = end || !id[i];
	}
	return good && end;
}

static bool id_empty(const char *id)
{
	bool empty = true;

	for (u32 i = 0; i < IOMUL_ID_MAX; i++)
		empty = empty && !id[i];
	return empty;
}

static u32 ends(const struct iomul_item *item)
{
	u32 n = 0;

	for (u32 i = 0; i < sizeof(item->last); i++)
		n += !!item->last[i];
	return n;
}

static void prove_item(const struct iomul_item *item, u32 take)
{
	static const u32 needs[] = { IOMUL_TAKE_ALL, IOMUL_TAKE_SLOT, IOMUL_TAKE_FUNCTION,
				     IOMUL_TAKE_PATH };

	PROVE(item->kind <= IOMUL_ITEM_PATH && (take & needs[item->kind]), "a kind that is welcome");
	PROVE(!item->share || (take & IOMUL_TAKE_OPTION), "an option where it is welcome");
	PROVE(item->kind == IOMUL_ITEM_FUNCTION || !(item->addr.devfn & 7), "a slot has no function");
	if (item->kind == IOMUL_ITEM_PATH) {
		PROVE(id_good(item->hid), "HID");
		PROVE(item->has_uid ? id_good(item->uid) : id_empty(item->uid), "UID");
		PROVE(item->depth < IOMUL_DEPTH_MAX, "depth");
		PROVE(ends(item), "it ends somewhere");
	} else {
		PROVE(!item->has_uid && !item->depth && id_empty(item->hid) && !ends(item),
		      "nothing of a path");
	}
}

/* What comes out is in the ranges of param.h; an error lies in its item. */
void prove_param(void)
{
	struct iomul_param p = { .text = text, .len = CHARS, .at = any_u32(), .take = any_u32(),
				 .end = any_bool() };
	struct iomul_item item;
	u32 at = p.at, i = any_u32();
	bool end = p.end;
	int rc;

	any_text();
	ASSUME(at <= CHARS);
	rc = iomul_param_next(&p, &item);
	if (!rc) {
		PROVE(end && p.at == at, "no more after the end, and only then");
		return;
	}
	PROVE(!end, "none after the end");
	PROVE(item.len <= CHARS - at, "the item is in the text");
	PROVE(p.end ? p.at == CHARS && item.len == CHARS - at :
		      p.at == at + item.len + 1 && p.at <= CHARS && text[p.at - 1] == ',',
	      "the next one is behind its comma");
	PROVE(i < at || i >= at + item.len || text[i] != ',', "no comma in the item");
	PROVE(rc == (item.error ? -EINVAL : 1) && item.error < IOMUL_E_COUNT, "an item or an error");
	PROVE(item.pos >= at && item.pos <= at + item.len, "the place of an error");
	if (!item.error) {
		PROVE(item.pos == at, "the place");
		prove_item(&item, p.take);
	}
	END;
}

/* A scanner at any place of an item, with nothing wrong yet. */
static struct scan any_scan(void)
{
	struct scan s = { .text = text, .at = any_u32(), .end = any_u32() };

	any_text();
	ASSUME(s.end <= CHARS && s.at <= s.end);
	return s;
}

static void prove_scan(const struct scan *s, u32 from, bool ok)
{
	PROVE(s->at >= from && s->at <= s->end, "it goes on, inside the item");
	PROVE(ok == !s->error && s->error < IOMUL_E_COUNT, "it fails and says why, or neither");
	PROVE(ok || (s->error_at >= from && s->error_at <= s->end), "where, inside the item");
}

void prove_scan_addr(void)
{
	struct scan s = any_scan();
	struct iomul_item item = { 0 };
	u32 from = s.at;
	bool ok = scan_addr(&s, &item);

	prove_scan(&s, from, ok);
	PROVE(!ok || item.kind == IOMUL_ITEM_FUNCTION ||
	      (item.kind == IOMUL_ITEM_SLOT && !(item.addr.devfn & 7)), "a slot or a function");
	END;
}

/*
 * HID, UID, bridges; the parenthesis is prove_scan_alternatives()'s. However
 * many bridges there were before, so that the bound is met by a short text.
 */
void prove_scan_path(void)
{
	struct scan s = any_scan();
	struct iomul_item item = { .depth = any_u8() };
	u32 from = s.at;
	bool ok;

	ASSUME(item.depth < IOMUL_DEPTH_MAX);
	for (u32 i = 0; i < CHARS; i++)
		ASSUME(text[i] != '(');
	ok = scan_path(&s, &item);
	prove_scan(&s, from, ok);
	PROVE(item.depth < IOMUL_DEPTH_MAX, "depth");
	if (ok) {
		PROVE(id_good(item.hid), "HID");
		PROVE(item.has_uid ? id_good(item.uid) : id_empty(item.uid), "UID");
		PROVE(ends(&item), "it ends somewhere");
	}
	END;
}

void prove_scan_alternatives(void)
{
	struct scan s = any_scan();
	struct iomul_item item = { 0 };
	u32 from = s.at;
	bool ok = scan_alternatives(&s, &item);

	prove_scan(&s, from, ok);
	PROVE(!ok || ends(&item), "it ends somewhere");
	END;
}

/* A word of a command line, from any place on. */
void prove_cmdline(void)
{
	u32 at = any_u32(), from = at;
	struct iomul_word w;

	any_text();
	ASSUME(at <= CHARS);
	if (!iomul_cmdline_next(text, CHARS, &at, &w)) {
		PROVE(at == CHARS, "no more");
		return;
	}
	PROVE(at > from && at <= CHARS, "it goes on behind the word");
	PROVE(w.name >= from && w.name <= at && w.name_len <= at - w.name, "the name is in the text");
	if (w.has_value)
		PROVE(w.value > w.name + w.name_len && w.value <= at && w.value_len <= at - w.value,
		      "the value is behind the name");
	else
		PROVE(!w.value && !w.value_len, "no value");
	END;
}

/* Names of up to 15 characters: guestiomuldev has 13. */
void prove_word_is(void)
{
	struct iomul_word w = { .name = any_u32(), .name_len = any_u32() };
	char name[16];
	bool is, same = true;

	any_text();
	__CPROVER_havoc_object(name);
	name[15] = '\0';
	ASSUME(w.name <= CHARS && w.name_len <= CHARS - w.name);
	is = iomul_word_is(text, &w, name);
	for (u32 i = 0; i < CHARS; i++) {
		char c;

		if (i >= w.name_len || !same)
			continue;
		c = text[w.name + i];
		same = i < 15 && name[i] && (c == name[i] || ((c == '-' || c == '_') &&
							      (name[i] == '-' || name[i] == '_')));
	}
	PROVE(is == (same && w.name_len < 16 && !name[w.name_len]), "the same, but for - and _");
	END;
}

/* An address of any kind is written as text that reads back as the same; no byte is written behind the end. */
void prove_format_addr(void)
{
	struct iomul_item item = { 0 }, back;
	struct iomul_param p;
	char out[32];
	u32 len, size = any_u32();

	item.kind = any_u8();
	item.share = any_bool();
	item.addr.segment = (u16)any_u32();
	item.addr.bus = any_u8();
	item.addr.devfn = any_u8();
	ASSUME(item.kind < IOMUL_ITEM_PATH);
	ASSUME(item.kind == IOMUL_ITEM_FUNCTION || !(item.addr.devfn & 7));
	len = iomul_item_format(&item, out, sizeof(out));
	PROVE(len < sizeof(out) && !out[len], "ends");
	iomul_param_init(&p, out, len, ~0U);
	PROVE(iomul_param_next(&p, &back) == 1 && p.end, "reads back");
	PROVE(back.kind == item.kind && back.share == item.share, "as the same kind");
	PROVE(item.kind == IOMUL_ITEM_ALL || (back.addr.segment == item.addr.segment &&
	      back.addr.bus == item.addr.bus && back.addr.devfn == item.addr.devfn), "with the same address");

	ASSUME(size <= sizeof(out));
	PROVE(iomul_item_format(&item, out + sizeof(out) - size, size) == len, "the same length");
	PROVE(!size || !out[sizeof(out) - size + (len < size ? len : size - 1)], "ends");
	END;
}

/*
 * Whatever is written of a path, it is not written behind the end: up to 4
 * bridges, and ends at any of the functions of the first and the last device.
 */
void prove_format(void)
{
	struct iomul_item item = { .kind = IOMUL_ITEM_PATH, .share = any_bool(),
				   .has_uid = any_bool(), .depth = any_u8() };
	char out[8];
	u32 len, size = any_u32();

	for (u32 i = 0; i < IOMUL_ID_MAX - 1; i++) {
		item.hid[i] = (char)any_u8();
		item.uid[i] = (char)any_u8();
	}
	for (u32 i = 0; i < 4; i++)
		item.bridge[i] = any_u8();
	item.last[0] = any_u8();
	item.last[31] = any_u8();
	ASSUME(item.depth <= 4 && size <= sizeof(out));
	len = iomul_item_format(&item, out + sizeof(out) - size, size);
	PROVE(!size || !out[sizeof(out) - size + (len < size ? len : size - 1)], "ends");
	END;
}

static bool same_id(const char *a, const char *b)
{
	bool same = true;

	for (u32 i = 0, end = 0; i < IOMUL_ID_MAX; i++) {
		same = same && (end || a[i] == b[i]);
		end = end || !a[i];
	}
	return same;
}

/* The root bridge of that name, and none of another; it may lack either id. */
void prove_item_root(void)
{
	struct iomul_item item;
	char hid[IOMUL_ID_MAX], uid[IOMUL_ID_MAX];
	bool has_hid = any_bool(), has_uid = any_bool(), is;

	__CPROVER_havoc_object(&item);
	__CPROVER_havoc_object(hid);
	__CPROVER_havoc_object(uid);
	item.has_uid = any_bool();
	item.hid[IOMUL_ID_MAX - 1] = item.uid[IOMUL_ID_MAX - 1] = '\0';
	hid[IOMUL_ID_MAX - 1] = uid[IOMUL_ID_MAX - 1] = '\0';
	is = iomul_item_root(&item, has_hid ? hid : NULL, has_uid ? uid : NULL);
	PROVE(is == (item.kind == IOMUL_ITEM_PATH && has_hid && same_id(item.hid, hid) &&
		     (!item.has_uid || (has_uid && same_id(item.uid, uid)))), "of that name");
	END;
}
