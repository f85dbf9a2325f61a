/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: iomul:iomul_access, iomul:iomul_switch, iomul:iomul_event. All
 * are hit by whoever has the turn of the group; a switch comes before the access
 * that asked for it. docs/howto-tracing.md has an example of each.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM iomul

#if !defined(_IOMUL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IOMUL_TRACE_H

#include <linux/tracepoint.h>
#include "iomul.h"

/* An access of @count times @width bytes at @port; @err: 0 or -errno. */
TRACE_EVENT(iomul_access,
	TP_PROTO(struct iomul_addr slot, u32 port, u32 width, u32 count, bool write, int err),
	TP_ARGS(slot, port, width, count, write, err),
	TP_STRUCT__entry(
		__field(u16, segment)
		__field(u8, bus)
		__field(u8, devfn)
		__field(u32, port)
		__field(u32, width)
		__field(u32, count)
		__field(int, err)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->segment = slot.segment;
		__entry->bus = slot.bus;
		__entry->devfn = slot.devfn;
		__entry->port = port;
		__entry->width = width;
		__entry->count = count;
		__entry->err = err;
		__entry->write = write;
	),
	TP_printk("slot=%04x:%02x:%02x %s port=%#06x width=%u count=%u err=%d", __entry->segment,
		  __entry->bus, __entry->devfn >> 3, __entry->write ? "out" : "in", __entry->port,
		  __entry->width, __entry->count, __entry->err)
);

/* @slot has become the owner of @group; @writes: config writes that it took. */
TRACE_EVENT(iomul_switch,
	TP_PROTO(u32 group, struct iomul_addr slot, u64 writes),
	TP_ARGS(group, slot, writes),
	TP_STRUCT__entry(
		__field(u32, group)
		__field(u16, segment)
		__field(u8, bus)
		__field(u8, devfn)
		__field(u64, writes)
	),
	TP_fast_assign(
		__entry->group = group;
		__entry->segment = slot.segment;
		__entry->bus = slot.bus;
		__entry->devfn = slot.devfn;
		__entry->writes = writes;
	),
	TP_printk("group=%u owner=%04x:%02x:%02x config_writes=%llu", __entry->group,
		  __entry->segment, __entry->bus, __entry->devfn >> 3, __entry->writes)
);

/* @group was shut, because @function is lost. */
TRACE_EVENT(iomul_event,
	TP_PROTO(u32 group, struct iomul_addr function),
	TP_ARGS(group, function),
	TP_STRUCT__entry(
		__field(u32, group)
		__field(u16, segment)
		__field(u8, bus)
		__field(u8, devfn)
	),
	TP_fast_assign(
		__entry->group = group;
		__entry->segment = function.segment;
		__entry->bus = function.bus;
		__entry->devfn = function.devfn;
	),
	TP_printk("group=%u function=%04x:%02x:%02x.%x", __entry->group, __entry->segment,
		  __entry->bus, __entry->devfn >> 3, __entry->devfn & 7)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
