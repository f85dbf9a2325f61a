/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parser of guestdev=, guestiomuldev=, and of slots anywhere else.
 *
 *	guestdev=ITEM[,ITEM...]
 *	  ITEM = PATH[+iomul] | [seg:]bus:dev.func[+iomul]
 *	  PATH = HID[:UID]-dev.func[-dev.func...]
 *	         the last component may be (dev.func|dev.func|...)
 *	guestiomuldev=[seg:]bus:dev[,...] | all
 *
 * HID and UID name an ACPI root bridge, at most 8 characters each; all numbers
 * are hexadecimal. A path goes down the chain of bridges by device.function, so
 * it stays right when buses are numbered anew.
 *
 * The text is not changed, need not end in NUL, and nothing points into it
 * afterwards. A malformed item is handed out as such, with its position and the
 * reason, and the walk goes on behind the next comma.
 */
#ifndef IOMUL_CORE_PARAM_H
#define IOMUL_CORE_PARAM_H

#include <linux/types.h>
#include "../uapi/iomul.h"

#define IOMUL_ID_MAX	9	/* HID, UID, with the final NUL */
#define IOMUL_DEPTH_MAX	32	/* components of a path */

enum iomul_item_kind {
	IOMUL_ITEM_ALL,		/* "all" */
	IOMUL_ITEM_SLOT,	/* [seg:]bus:dev */
	IOMUL_ITEM_FUNCTION,	/* [seg:]bus:dev.func */
	IOMUL_ITEM_PATH,
};

enum iomul_item_error {
	IOMUL_E_NONE,
	IOMUL_E_EMPTY,		/* nothing between two commas */
	IOMUL_E_DIGIT,		/* a hexadecimal digit is missing */
	IOMUL_E_SEGMENT,	/* above ffff; here and below: or too many digits */
	IOMUL_E_BUS,		/* above ff */
	IOMUL_E_DEVICE,		/* above 1f */
	IOMUL_E_FUNCTION,	/* above 7 */
	IOMUL_E_COLON,		/* seg:bus:dev has too few or too many parts */
	IOMUL_E_DOT,		/* dev without .func where a function is wanted */
	IOMUL_E_HID,		/* HID empty, too long, or with a strange character */
	IOMUL_E_UID,		/* the same with the UID */
	IOMUL_E_DASH,		/* HID:UID is not followed by -dev.func */
	IOMUL_E_PAREN,		/* ( without ), or not around the last component */
	IOMUL_E_DEPTH,		/* more than IOMUL_DEPTH_MAX components */
	IOMUL_E_OPTION,		/* something other than iomul behind + */
	IOMUL_E_SURPLUS,	/* text left over behind a complete item */
	IOMUL_E_KIND,		/* well formed, but not to be used here */
	IOMUL_E_COUNT
};

/* What is welcome where. */
#define IOMUL_TAKE_ALL		(1U << 0)
#define IOMUL_TAKE_SLOT		(1U << 1)
#define IOMUL_TAKE_FUNCTION	(1U << 2)
#define IOMUL_TAKE_PATH		(1U << 3)
#define IOMUL_TAKE_OPTION	(1U << 4)	/* +iomul */

#define IOMUL_TAKE_GUESTDEV	(IOMUL_TAKE_FUNCTION | IOMUL_TAKE_PATH | IOMUL_TAKE_OPTION)
/* A function is taken for its slot, as in 2009. */
#define IOMUL_TAKE_GUESTIOMULDEV (IOMUL_TAKE_ALL | IOMUL_TAKE_SLOT | IOMUL_TAKE_FUNCTION)
#define IOMUL_TAKE_COMMAND	(IOMUL_TAKE_SLOT | IOMUL_TAKE_FUNCTION)

struct iomul_item {
	u32 pos;			/* where it begins in the text; on error: where that is */
	u32 len;
	u8 kind;			/* enum iomul_item_kind */
	u8 error;			/* enum iomul_item_error */
	bool share;			/* +iomul */
	bool has_uid;
	struct iomul_addr addr;		/* SLOT, FUNCTION */
	char hid[IOMUL_ID_MAX];		/* PATH, and what follows */
	char uid[IOMUL_ID_MAX];
	u8 depth;			/* bridges on the way: devfn of each in @bridge */
	u8 bridge[IOMUL_DEPTH_MAX];
	u8 last[32];			/* bit devfn: the path ends at this one (too) */
};

struct iomul_param {
	const char *text;
	u32 len;
	u32 at;				/* the next item begins here */
	u32 take;			/* IOMUL_TAKE_* */
	bool end;
};

/* A walk over the @len bytes of @text. An empty text is one empty item. */
void iomul_param_init(struct iomul_param *p, const char *text, u32 len, u32 take);

/* 1: @item is the next one. 0: no more. -EINVAL: it is malformed: @item->error, @item->pos. */
int iomul_param_next(struct iomul_param *p, struct iomul_item *item);

/* What is wrong, in a few words that go on "PARAMETER, character 12: ". */
const char *iomul_item_reason(u32 error);

/*
 * Writes @item as text that reads back as the same, with a final NUL: as much
 * as @size allows. Returns the length that it has in full, without the NUL.
 */
u32 iomul_item_format(const struct iomul_item *item, char *text, u32 size);

/* Does the path @item end at @devfn below its bridges? */
static inline bool iomul_item_ends_at(const struct iomul_item *item, u8 devfn)
{
	return item->last[devfn >> 3] >> (devfn & 7) & 1;
}

/* Do @hid and @uid (NULL: it has none) name the root bridge that @item begins at? */
bool iomul_item_root(const struct iomul_item *item, const char *hid, const char *uid);

/* A name=value of a kernel command line, without the quotes. Offsets into its text. */
struct iomul_word {
	u32 name;
	u32 name_len;
	u32 value;
	u32 value_len;
	bool has_value;
};

/*
 * The next word from *@at on; "--" ends what is the kernel's. Quotes keep blanks
 * together, as in the kernel's own parser. 1, or 0: no more.
 */
int iomul_cmdline_next(const char *text, u32 len, u32 *at, struct iomul_word *word);

/* Is @word named @name? As in the kernel, - and _ are the same. */
bool iomul_word_is(const char *text, const struct iomul_word *word, const char *name);

#endif
