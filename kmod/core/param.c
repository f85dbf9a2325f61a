// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser of guestdev=, guestiomuldev=, and of slots anywhere else.
 *
 * A scanner goes over one item at a time, to its first error, which it remembers
 * together with where that was.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "param.h"

struct scan {
	const char *text;
	u32 at;
	u32 end;		/* of this item */
	u32 error_at;
	u8 error;
};

/* -1 at the end; characters are compared as they are in ASCII. */
static int peek(const struct scan *s)
{
	return s->at < s->end ? (unsigned char)s->text[s->at] : -1;
}

static bool take(struct scan *s, char c)
{
	if (peek(s) != c)
		return false;
	s->at++;
	return true;
}

/* Who is told false returns it: there is no second error to an item. */
static bool fail_at(struct scan *s, u32 at, u8 error)
{
	s->error = error;
	s->error_at = at;
	return false;
}

static bool fail(struct scan *s, u8 error)
{
	return fail_at(s, s->at, error);
}

static int digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_id(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_';
}

struct number {
	u32 at;
	u32 digits;
	u32 value;		/* more than 16 bits: too large, whatever it is of */
};

/* A number; whether it is too large can only be said when it is known what it is of. */
static bool scan_number(struct scan *s, struct number *n)
{
	*n = (struct number){ .at = s->at };
	if (digit(peek(s)) < 0)
		return fail(s, IOMUL_E_DIGIT);
	for (; digit(peek(s)) >= 0; s->at++)
		n->value = n->value > 0xffff ? n->value : n->value << 4 | (u32)digit(peek(s));
	n->digits = s->at - n->at;
	return true;
}

/* No more digits than @max has, either: 00.00 is somebody's mistake for 00:00. */
static bool at_most(struct scan *s, const struct number *n, u32 max, u8 error)
{
	u32 digits = max > 0xff ? 4 : max > 0xf ? 2 : 1;

	if (n->value <= max && n->digits <= digits)
		return true;
	return fail_at(s, n->at, error);
}

static bool scan_function(struct scan *s, u8 *function)
{
	struct number n;

	if (!scan_number(s, &n) || !at_most(s, &n, 7, IOMUL_E_FUNCTION))
		return false;
	*function = (u8)n.value;
	return true;
}

/* dev.func */
static bool scan_devfn(struct scan *s, u8 *devfn)
{
	struct number device;
	u8 function;

	if (!scan_number(s, &device) || !at_most(s, &device, 0x1f, IOMUL_E_DEVICE))
		return false;
	if (!take(s, '.'))
		return fail(s, IOMUL_E_DOT);
	if (!scan_function(s, &function))
		return false;
	*devfn = (u8)(device.value << 3 | function);
	return true;
}

/* [seg:]bus:dev[.func] */
static bool scan_addr(struct scan *s, struct iomul_item *item)
{
	struct number part[3];
	u32 n = 0;
	u8 function = 0;

	do {
		if (n == ARRAY_SIZE(part))
			return fail_at(s, s->at - 1, IOMUL_E_COLON);
		if (!scan_number(s, &part[n]))
			return false;
		n++;
	} while (take(s, ':'));
	if (n < 2)
		return fail(s, IOMUL_E_COLON);
	if ((n == 3 && !at_most(s, &part[0], 0xffff, IOMUL_E_SEGMENT)) ||
	    !at_most(s, &part[n - 2], 0xff, IOMUL_E_BUS) ||
	    !at_most(s, &part[n - 1], 0x1f, IOMUL_E_DEVICE))
		return false;
	item->kind = IOMUL_ITEM_SLOT;
	if (take(s, '.')) {
		item->kind = IOMUL_ITEM_FUNCTION;
		if (!scan_function(s, &function))
			return false;
	}
	item->addr.segment = n == 3 ? (u16)part[0].value : 0;
	item->addr.bus = (u8)part[n - 2].value;
	item->addr.devfn = (u8)(part[n - 1].value << 3 | function);
	return true;
}

static bool scan_id(struct scan *s, char *id, u8 error)
{
	u32 n = 0;

	memset(id, 0, IOMUL_ID_MAX);
	while (is_id(peek(s))) {
		if (n == IOMUL_ID_MAX - 1)
			return fail(s, error);
		id[n++] = s->text[s->at++];
	}
	if (n)
		return true;
	return fail(s, error);
}

static void set_last(struct iomul_item *item, u8 devfn)
{
	item->last[devfn >> 3] |= (u8)(1U << (devfn & 7));
}

/* (dev.func|dev.func|...), the opening one is behind us */
static bool scan_alternatives(struct scan *s, struct iomul_item *item)
{
	u8 devfn = 0;

	do {
		if (!scan_devfn(s, &devfn))
			return false;
		set_last(item, devfn);
	} while (take(s, '|'));
	if (!take(s, ')') || peek(s) == '-')
		return fail(s, IOMUL_E_PAREN);
	return true;
}

/* HID[:UID]-dev.func[-dev.func...] */
static bool scan_path(struct scan *s, struct iomul_item *item)
{
	u8 devfn;

	item->kind = IOMUL_ITEM_PATH;
	if (!scan_id(s, item->hid, IOMUL_E_HID))
		return false;
	item->has_uid = take(s, ':');
	if (item->has_uid && !scan_id(s, item->uid, IOMUL_E_UID))
		return false;
	if (!take(s, '-'))
		return fail(s, peek(s) < 0 || peek(s) == '+' ? IOMUL_E_DASH :
			       item->has_uid ? IOMUL_E_UID : IOMUL_E_HID);
	for (;;) {
		if (take(s, '('))
			return scan_alternatives(s, item);
		if (!scan_devfn(s, &devfn))
			return false;
		if (!take(s, '-'))
			break;
		/* One more than the bridges is where the path ends. */
		if (item->depth == IOMUL_DEPTH_MAX - 1)
			return fail_at(s, s->at - 1, IOMUL_E_DEPTH);
		item->bridge[item->depth++] = devfn;
	}
	set_last(item, devfn);
	return true;
}

static bool scan_word(struct scan *s, const char *word)
{
	u32 n = (u32)strlen(word);

	if (s->end - s->at < n || memcmp(s->text + s->at, word, n) || is_id(s->at + n < s->end ?
	    (unsigned char)s->text[s->at + n] : -1))
		return false;
	s->at += n;
	return true;
}

/* A dash, or a first character that no number has: then it is (meant as) a path. */
static bool looks_like_path(const struct scan *s)
{
	u32 i;

	for (i = s->at; i < s->end && s->text[i] != '+'; i++)
		if (s->text[i] == '-')
			return true;
	return is_id(peek(s)) && digit(peek(s)) < 0;
}

static bool scan_item(struct scan *s, struct iomul_item *item)
{
	if (s->at == s->end)
		return fail(s, IOMUL_E_EMPTY);
	if (scan_word(s, "all"))
		item->kind = IOMUL_ITEM_ALL;
	else if (!(looks_like_path(s) ? scan_path(s, item) : scan_addr(s, item)))
		return false;
	while (take(s, '+')) {
		if (!scan_word(s, "iomul"))
			return fail(s, IOMUL_E_OPTION);
		item->share = true;
	}
	if (s->at == s->end)
		return true;
	return fail(s, IOMUL_E_SURPLUS);
}

static u8 refused(const struct iomul_item *item, u32 take)
{
	static const u8 needs[] = {
		[IOMUL_ITEM_ALL] = IOMUL_TAKE_ALL,
		[IOMUL_ITEM_SLOT] = IOMUL_TAKE_SLOT,
		[IOMUL_ITEM_FUNCTION] = IOMUL_TAKE_FUNCTION,
		[IOMUL_ITEM_PATH] = IOMUL_TAKE_PATH,
	};

	if (take & needs[item->kind])
		return item->share && !(take & IOMUL_TAKE_OPTION) ? IOMUL_E_OPTION : IOMUL_E_NONE;
	return item->kind == IOMUL_ITEM_SLOT ? IOMUL_E_DOT : IOMUL_E_KIND;
}

void iomul_param_init(struct iomul_param *p, const char *text, u32 len, u32 take)
{
	*p = (struct iomul_param){ .text = text, .len = len, .take = take };
}

int iomul_param_next(struct iomul_param *p, struct iomul_item *item)
{
	struct scan s = { .text = p->text, .at = p->at, .end = p->at };

	if (p->end)
		return 0;
	while (s.end < p->len && p->text[s.end] != ',')
		s.end++;
	memset(item, 0, sizeof(*item));
	item->pos = p->at;
	item->len = s.end - p->at;
	p->end = s.end == p->len;
	p->at = p->end ? s.end : s.end + 1;

	if (scan_item(&s, item)) {
		item->error = refused(item, p->take);
		if (item->error == IOMUL_E_DOT)
			item->pos += item->len;
	} else {
		item->error = s.error;
		item->pos = s.error_at;
	}
	return item->error ? -EINVAL : 1;
}

const char *iomul_item_reason(u32 error)
{
	static const char *const reason[IOMUL_E_COUNT] = {
		[IOMUL_E_NONE] = "no error",
		[IOMUL_E_EMPTY] = "nothing here; want [SEGMENT:]BUS:DEVICE.FUNCTION or a path",
		[IOMUL_E_DIGIT] = "want a hexadecimal digit",
		[IOMUL_E_SEGMENT] = "the segment is not one of 0 to ffff",
		[IOMUL_E_BUS] = "the bus number is not one of 0 to ff",
		[IOMUL_E_DEVICE] = "the device number is not one of 0 to 1f",
		[IOMUL_E_FUNCTION] = "the function number is not one of 0 to 7",
		[IOMUL_E_COLON] = "want [SEGMENT:]BUS:DEVICE",
		[IOMUL_E_DOT] = "want .FUNCTION",
		[IOMUL_E_HID] = "want an ACPI hardware id of 1 to 8 letters and digits",
		[IOMUL_E_UID] = "want an ACPI unique id of 1 to 8 letters and digits",
		[IOMUL_E_DASH] = "want -DEVICE.FUNCTION behind the root bridge",
		[IOMUL_E_PAREN] = "want (DEVICE.FUNCTION|...) at the end of the path, and closed",
		[IOMUL_E_DEPTH] = "the path is too deep",
		[IOMUL_E_OPTION] = "the only option is +iomul, for guestdev=",
		[IOMUL_E_SURPLUS] = "the item should end here",
		[IOMUL_E_KIND] = "this form has no meaning here",
	};

	return error < IOMUL_E_COUNT ? reason[error] : "unknown error";
}

/* Output that counts on beyond the end. */
struct out {
	char *text;
	u32 size;
	u32 len;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->text[o->len] = c;
	o->len++;
}

static void put_text(struct out *o, const char *text)
{
	while (*text)
		put(o, *text++);
}

static void put_hex(struct out *o, u32 value, u32 digits)
{
	while (digits--)
		put(o, "0123456789abcdef"[value >> 4 * digits & 15]);
}

static void put_devfn(struct out *o, u8 devfn)
{
	put_hex(o, devfn >> 3, devfn >> 3 > 15 ? 2 : 1);
	put(o, '.');
	put_hex(o, devfn & 7, 1);
}

static void put_addr(struct out *o, const struct iomul_item *item)
{
	put_hex(o, item->addr.segment, 4);
	put(o, ':');
	put_hex(o, item->addr.bus, 2);
	put(o, ':');
	put_hex(o, item->addr.devfn >> 3, 2);
	if (item->kind == IOMUL_ITEM_FUNCTION) {
		put(o, '.');
		put_hex(o, item->addr.devfn & 7, 1);
	}
}

static void put_path(struct out *o, const struct iomul_item *item)
{
	u32 i, ends = 0, done = 0;

	put_text(o, item->hid);
	if (item->has_uid) {
		put(o, ':');
		put_text(o, item->uid);
	}
	for (i = 0; i < item->depth; i++) {
		put(o, '-');
		put_devfn(o, item->bridge[i]);
	}
	for (i = 0; i < 256; i++)
		ends += iomul_item_ends_at(item, (u8)i);
	put(o, '-');
	for (i = 0; i < 256; i++) {
		if (!iomul_item_ends_at(item, (u8)i))
			continue;
		if (ends > 1)
			put(o, done ? '|' : '(');
		put_devfn(o, (u8)i);
		done++;
	}
	if (ends > 1)
		put(o, ')');
}

u32 iomul_item_format(const struct iomul_item *item, char *text, u32 size)
{
	struct out o = { .text = text, .size = size };

	if (item->kind == IOMUL_ITEM_ALL)
		put_text(&o, "all");
	else if (item->kind == IOMUL_ITEM_PATH)
		put_path(&o, item);
	else
		put_addr(&o, item);
	if (item->share)
		put_text(&o, "+iomul");
	if (size)
		text[o.len < size ? o.len : size - 1] = '\0';
	return o.len;
}

bool iomul_item_root(const struct iomul_item *item, const char *hid, const char *uid)
{
	if (item->kind != IOMUL_ITEM_PATH || !hid || strcmp(item->hid, hid))
		return false;
	return !item->has_uid || (uid && !strcmp(item->uid, uid));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

int iomul_cmdline_next(const char *text, u32 len, u32 *at, struct iomul_word *word)
{
	u32 i = *at, start, end;
	bool quoted = false;

	*word = (struct iomul_word){ 0 };
	while (i < len && is_blank(text[i]))
		i++;
	start = i;
	for (; i < len && (quoted || !is_blank(text[i])); i++) {
		if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == '=' && !word->has_value) {
			word->has_value = true;
			word->value = i + 1;
		}
	}
	*at = i;
	end = i;
	if (start == end || (end - start == 2 && !memcmp(text + start, "--", 2))) {
		*at = len;
		return 0;
	}
	/* "name=value" and name="value" mean the same. */
	if (text[start] == '"') {
		start++;
		if (end > start && text[end - 1] == '"')
			end--;
	}
	word->name = start;
	word->name_len = (word->has_value ? word->value - 1 : end) - start;
	if (!word->has_value)
		return 1;
	if (word->value < end && text[word->value] == '"') {
		word->value++;
		if (end > word->value && text[end - 1] == '"')
			end--;
	}
	word->value_len = end - word->value;
	return 1;
}

bool iomul_word_is(const char *text, const struct iomul_word *word, const char *name)
{
	u32 i;

	for (i = 0; i < word->name_len && name[i]; i++) {
		char c = text[word->name + i];

		if ((c == '-' ? '_' : c) != (name[i] == '-' ? '_' : name[i]))
			return false;
	}
	return i == word->name_len && !name[i];
}
