/* SPDX-License-Identifier: GPL-2.0-only */
/* What the writer and the reader of snapshots share; docs/reference/snapshot.md. */
#ifndef IOMUL_CLI_SNAPSHOT_H
#define IOMUL_CLI_SNAPSHOT_H

#include "libiomul.h"
#include "topology.h"

#define SNAPSHOT_FORMAT "iomul-snapshot"
#define SNAPSHOT_SCHEMA 1

static const struct {
	u32 flag;
	const char *word;
} snapshot_flags[] = {
	{ IOMUL_NODE_PORT, "port" },	 { IOMUL_NODE_FORWARDS, "forwards" },
	{ IOMUL_NODE_IO32, "io32" },	 { IOMUL_NODE_ISA, "isa" },
	{ IOMUL_NODE_ARI, "ari" },	 { IOMUL_NODE_DECODES, "decodes" },
	{ IOMUL_NODE_IN_USE, "in_use" }, { IOMUL_NODE_SHARED, "shared" },
	{ IOMUL_NODE_VF, "vf" },	 { IOMUL_NODE_PCIE, "pcie" },
};

#define SNAPSHOT_FLAGS (sizeof(snapshot_flags) / sizeof(snapshot_flags[0]))

#endif
