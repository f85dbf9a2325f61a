// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI tree from sysfs and /proc/ioports, for when the module isn't loaded.
 *
 * Everything is only read. What needs a write to be known (the size of a BAR
 * without ports, whether a port that was never set up forwards I/O) stays
 * unknown here: IOMUL_BAR_UNSIZED, and no IOMUL_NODE_FORWARDS.
 *
 * Another tree than the machine's can be given: below IOMUL_SYSFS there must be
 * bus/pci/devices and may be a file ioports, which then stands for /proc/ioports.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

#define RES_IO 0x00000100UL	/* enum of <linux/ioport.h>, which sysfs shows */
#define RES_UNSET 0x20000000UL
#define RES_BRIDGE 7		/* bridge windows come after BARs and ROM (IOV between) */
#define RES_MAX 32
#define LOWEST 0x1000U		/* PCIBIOS_MIN_IO */
#define CONFIG 256

/* What a function's directory says, before it has its place in the tree. */
struct raw {
	struct iomul_node node;
	u8 config[CONFIG];
	bool placed;
};

struct reader {
	const char *root;
	struct raw *raw;
	u32 raws;
	u32 room;
	struct iomul_tree *tree;
	u32 busy_room;
};

const char *sysfs_root(void)
{
	const char *path = getenv("IOMUL_SYSFS");

	return path && *path ? path : "/sys";
}

static int path_of(char path[PATH_MAX], const struct reader *rd, const char *device,
		   const char *file)
{
	int n = snprintf(path, PATH_MAX, "%s/bus/pci/devices/%s/%s", rd->root, device, file);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Bytes read, at most @size - 1, with a NUL behind; 0 when there is no such file. */
static size_t slurp(const struct reader *rd, const char *device, const char *file, void *to,
		    size_t size)
{
	char path[PATH_MAX], *p = to;
	ssize_t n = 0;
	int fd;

	*p = '\0';
	if (path_of(path, rd, device, file))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, p, size - 1);
	close(fd);
	p[n > 0 ? n : 0] = '\0';
	return n > 0 ? n : 0;
}

static u32 read_hex(const struct reader *rd, const char *device, const char *file)
{
	char text[32];

	slurp(rd, device, file, text, sizeof(text));
	return strtoul(text, NULL, 16);
}

static u32 config32(const struct raw *r, u32 at)
{
	return r->config[at] | r->config[at + 1] << 8 | r->config[at + 2] << 16 |
	       (u32)r->config[at + 3] << 24;
}

static u32 config16(const struct raw *r, u32 at)
{
	return r->config[at] | r->config[at + 1] << 8;
}

/* One line of "resource": start, end, flags. Empty unless ports are assigned. */
static struct iomul_range resource_range(const char *line)
{
	unsigned long long start, end;
	unsigned long flags;

	if (sscanf(line, "%llx %llx %lx", &start, &end, &flags) != 3 || !(flags & RES_IO) ||
	    (flags & RES_UNSET) || !end || end < start || end >= ~0U)
		return IOMUL_RANGE_EMPTY;
	return (struct iomul_range){ start, end };
}

/* Splits "resource" into ranges; returns how many lines there were. */
static u32 read_resources(const struct reader *rd, const char *device,
			  struct iomul_range range[RES_MAX])
{
	char text[4096], *line = text;
	u32 n = 0;

	slurp(rd, device, "resource", text, sizeof(text));
	while (n < RES_MAX && *line) {
		char *end = strchr(line, '\n');

		if (end)
			*end = '\0';
		range[n++] = resource_range(line);
		if (!end)
			break;
		line = end + 1;
	}
	return n;
}

/*
 * BARs: sysfs has where those with ports are, config space which of the others
 * want ports. Bit 0 is hardwired (PCI 3.0, 6.2.5.1), so it tells even when the
 * kernel has forgotten the BAR.
 */
static void fill_bars(struct raw *r, const struct iomul_range *range, u32 ranges)
{
	u32 bars = r->node.flags & IOMUL_NODE_PORT ? 2 : IOMUL_BARS, i;
	u32 value;

	for (i = 0; i < bars; i++) {
		struct iomul_bar *b = &r->node.bar[i];

		b->at = i < ranges ? range[i] : IOMUL_RANGE_EMPTY;
		value = config32(r, PCI_BASE_ADDRESS_0 + 4 * i);
		if (!iomul_range_empty(b->at)) {
			b->size = iomul_range_size(b->at);
		} else if ((value & 3) == PCI_BASE_ADDRESS_SPACE_IO) {
			b->flags |= IOMUL_BAR_UNSIZED;
		} else if ((value & 7) == PCI_BASE_ADDRESS_MEM_TYPE_64) {
			i++; /* its upper half */
			if (i < bars)
				r->node.bar[i].at = IOMUL_RANGE_EMPTY;
		}
	}
	for (i = bars; i < IOMUL_BARS; i++)
		r->node.bar[i].at = IOMUL_RANGE_EMPTY;
}

static void fill_port(struct raw *r, const struct iomul_range *range, u32 ranges)
{
	struct iomul_node *n = &r->node;
	u32 i, base = r->config[PCI_IO_BASE];

	n->bus_first = r->config[PCI_SECONDARY_BUS];
	n->bus_last = r->config[PCI_SUBORDINATE_BUS];
	for (i = RES_BRIDGE; i < ranges; i++)
		if (!iomul_range_empty(range[i]))
			n->window = range[i];
	/* A window that is not implemented reads 0; a shut one has been set to f0-00. */
	if (base || r->config[PCI_IO_LIMIT] || !iomul_range_empty(n->window))
		n->flags |= IOMUL_NODE_FORWARDS;
	if ((base & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32)
		n->flags |= IOMUL_NODE_IO32;
	if (config16(r, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_ISA)
		n->flags |= IOMUL_NODE_ISA;
}

/* Unprivileged readers get 64 bytes of config space: no capabilities then. */
static void fill_express(struct raw *r, size_t length)
{
	u32 at, guard;

	if (length < CONFIG || !(config16(r, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return;
	at = r->config[PCI_CAPABILITY_LIST] & ~3U;
	for (guard = 0; at >= 0x40 && guard < 48; guard++) {
		if (r->config[at] == PCI_CAP_ID_EXP) {
			r->node.flags |= IOMUL_NODE_PCIE;
			if (at + PCI_EXP_DEVCTL2 + 1 < CONFIG &&
			    (r->node.flags & IOMUL_NODE_PORT) &&
			    (config16(r, at + PCI_EXP_DEVCTL2) & PCI_EXP_DEVCTL2_ARI))
				r->node.flags |= IOMUL_NODE_ARI;
			return;
		}
		at = r->config[at + 1] & ~3U;
	}
}

/* The last component of the link "driver", if there is one. */
static void fill_driver(const struct reader *rd, const char *device, struct iomul_node *n)
{
	char path[PATH_MAX], target[PATH_MAX], *name;
	ssize_t length;

	if (path_of(path, rd, device, "driver"))
		return;
	length = readlink(path, target, sizeof(target) - 1);
	if (length <= 0)
		return;
	target[length] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	snprintf(n->driver, sizeof(n->driver), "%.*s", (int)sizeof(n->driver) - 1, name);
}

/* A virtual function has no I/O BARs, and its bus may have no bridge: left out. */
static bool is_virtual(const struct reader *rd, const char *device)
{
	char path[PATH_MAX], target[8];

	return !path_of(path, rd, device, "physfn") && readlink(path, target, sizeof(target)) > 0;
}

static void read_function(const struct reader *rd, const char *device, struct raw *r)
{
	struct iomul_range range[RES_MAX];
	u32 ranges = read_resources(rd, device, range);
	u8 config[CONFIG + 1];
	size_t length = slurp(rd, device, "config", config, sizeof(config));

	memcpy(r->config, config, length);
	r->node.group = IOMUL_NONE;
	r->node.parent = IOMUL_NONE;
	r->node.window = IOMUL_RANGE_EMPTY;
	r->node.vendor = read_hex(rd, device, "vendor");
	r->node.device = read_hex(rd, device, "device");
	r->node.class_code = read_hex(rd, device, "class") & 0xffffff;
	if (config16(r, PCI_COMMAND) & PCI_COMMAND_IO)
		r->node.flags |= IOMUL_NODE_DECODES;
	if ((r->config[PCI_HEADER_TYPE] & 0x7f) == PCI_HEADER_TYPE_BRIDGE) {
		r->node.flags |= IOMUL_NODE_PORT;
		fill_port(r, range, ranges);
	}
	fill_bars(r, range, ranges);
	fill_express(r, length);
	fill_driver(rd, device, &r->node);
}

static int add_function(struct reader *rd, const char *device)
{
	struct iomul_addr addr;
	struct raw *bigger;

	if (addr_parse_function(device, &addr) || is_virtual(rd, device))
		return 0; /* a segment beyond 16 bits (VMD) has no ports */
	if (rd->raws == rd->room) {
		rd->room = rd->room ? rd->room * 2 : 64;
		bigger = reallocarray(rd->raw, rd->room, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		rd->raw = bigger;
	}
	memset(&rd->raw[rd->raws], 0, sizeof(*rd->raw));
	rd->raw[rd->raws].node.addr = addr;
	read_function(rd, device, &rd->raw[rd->raws++]);
	return 0;
}

static int raw_order(const void *a, const void *b)
{
	const struct iomul_addr *x = &((const struct raw *)a)->node.addr;
	const struct iomul_addr *y = &((const struct raw *)b)->node.addr;

	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	if (x->bus != y->bus)
		return x->bus < y->bus ? -1 : 1;
	return (x->devfn > y->devfn) - (x->devfn < y->devfn);
}

static int read_functions(struct reader *rd)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int rc = 0;
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s/bus/pci/devices", rd->root) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!rc && (entry = readdir(dir)))
		rc = add_function(rd, entry->d_name);
	closedir(dir);
	if (rd->raws)
		qsort(rd->raw, rd->raws, sizeof(*rd->raw), raw_order);
	return rc;
}

/* Does a port lead to the bus that @r is on? */
static bool below_port(const struct reader *rd, const struct raw *r)
{
	u32 i;

	for (i = 0; i < rd->raws; i++) {
		const struct iomul_node *p = &rd->raw[i].node;

		if ((p->flags & IOMUL_NODE_PORT) && p->addr.segment == r->node.addr.segment &&
		    p->bus_first == r->node.addr.bus && p->bus_first > p->addr.bus)
			return true;
	}
	return false;
}

/* Moves the functions of one bus to the end of the tree. */
static void place_bus(struct reader *rd, u16 segment, u8 bus, u32 root, u32 parent)
{
	struct iomul_tree *t = rd->tree;
	u32 i;

	for (i = 0; i < rd->raws; i++) {
		struct raw *r = &rd->raw[i];

		if (r->placed || r->node.addr.segment != segment || r->node.addr.bus != bus)
			continue;
		r->placed = true;
		r->node.root = root;
		r->node.parent = parent;
		t->node[t->nodes++] = r->node;
	}
}

static void add_root(struct reader *rd, const struct iomul_addr *a)
{
	struct iomul_tree *t = rd->tree;

	t->root[t->roots] =
		(struct iomul_root){ .segment = a->segment, .bus = a->bus, .lowest = LOWEST };
	place_bus(rd, a->segment, a->bus, t->roots++, IOMUL_NONE);
}

/* Breadth first: root buses, then what is below each port in turn. */
static int build_tree(struct reader *rd)
{
	struct iomul_tree *t = rd->tree;
	u32 i;

	t->node = calloc(rd->raws + 1, sizeof(*t->node));
	t->root = calloc(rd->raws + 1, sizeof(*t->root));
	if (!t->node || !t->root)
		return -ENOMEM;
	for (i = 0; i < rd->raws; i++)
		if (!rd->raw[i].placed && !below_port(rd, &rd->raw[i]))
			add_root(rd, &rd->raw[i].node.addr);
	for (i = 0; i < t->nodes; i++)
		if ((t->node[i].flags & IOMUL_NODE_PORT) &&
		    t->node[i].bus_first > t->node[i].addr.bus)
			place_bus(rd, t->node[i].addr.segment, t->node[i].bus_first,
				  t->node[i].root, i);
	return 0;
}

/* "PCI Bus ssss:bb" of a root. */
static struct iomul_root *root_named(struct iomul_tree *t, const char *name)
{
	unsigned int segment, bus;
	u32 i;

	if (sscanf(name, "PCI Bus %x:%x", &segment, &bus) != 2)
		return NULL;
	for (i = 0; i < t->roots; i++)
		if (t->root[i].segment == segment && t->root[i].bus == bus)
			return &t->root[i];
	return NULL;
}

static int add_busy(struct reader *rd, struct iomul_range at, const char *name)
{
	struct iomul_tree *t = rd->tree;
	struct iomul_busy *bigger;

	if (t->busies == rd->busy_room) {
		rd->busy_room = rd->busy_room ? rd->busy_room * 2 : 32;
		bigger = reallocarray(t->busy, rd->busy_room, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		t->busy = bigger;
	}
	t->busy[t->busies] = (struct iomul_busy){ .at = at };
	snprintf(t->busy[t->busies++].name, IOMUL_NAME_MAX, "%.*s", IOMUL_NAME_MAX - 1, name);
	return 0;
}

/* A host driver's region inside a BAR: its ports are in use. */
static void mark_in_use(struct iomul_tree *t, struct iomul_range at)
{
	u32 i, k;

	for (i = 0; i < t->nodes; i++)
		for (k = 0; k < IOMUL_BARS; k++)
			if (*t->node[i].driver && !iomul_range_empty(t->node[i].bar[k].at) &&
			    iomul_range_contains(t->node[i].bar[k].at, at))
				t->node[i].flags |= IOMUL_NODE_IN_USE;
}

static bool name_is_function(const char *name)
{
	struct iomul_addr unused;

	return !addr_parse_function(name, &unused);
}

/*
 * One line of ioports. @depth: two blanks of indentation each. *@inside: depth
 * of the root's entry that we are in, or -1.
 */
static int take_ioport(struct reader *rd, struct iomul_range at, int depth, const char *name,
		       int *inside)
{
	struct iomul_root *root = root_named(rd->tree, name);

	if (*inside >= depth)
		*inside = -1;
	if (root) {
		*inside = depth;
		if (root->napertures < IOMUL_APERTURES)
			root->aperture[root->napertures++] = at;
		return 0;
	}
	if (!strncmp(name, "PCI Bus ", 8) || name_is_function(name))
		return 0;
	mark_in_use(rd->tree, at);
	return *inside >= 0 && depth == *inside + 1 ? add_busy(rd, at, name) : 0;
}

static int read_ioports(struct reader *rd)
{
	char path[PATH_MAX], line[256], name[160];
	int rc = 0, inside = -1, blanks;
	unsigned int first, last;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/ioports", rd->root) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	f = fopen(getenv("IOMUL_SYSFS") ? path : "/proc/ioports", "re");
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!rc && fgets(line, sizeof(line), f)) {
		blanks = strspn(line, " ");
		if (sscanf(line, " %x-%x : %159[^\n]", &first, &last, name) != 3)
			continue;
		if (!last || last == ~0U) /* zeros are shown to those without rights */
			continue;
		rc = take_ioport(rd, (struct iomul_range){ first, last }, blanks / 2, name, &inside);
	}
	fclose(f);
	return rc;
}

int sysfs_tree(const char *root, struct iomul_tree **out)
{
	struct reader rd = { .root = root };
	int rc;

	rd.tree = calloc(1, sizeof(*rd.tree));
	if (!rd.tree)
		return -ENOMEM;
	rc = read_functions(&rd);
	if (!rc)
		rc = build_tree(&rd);
	if (!rc)
		rc = read_ioports(&rd);
	free(rd.raw);
	if (rc)
		iomul_tree_put(rd.tree);
	else
		*out = rd.tree;
	return rc;
}
