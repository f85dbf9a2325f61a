/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What kmod/turn.c needs of the kernel's headers, so that its access and its turn run in user
 * space, on real processors. Atomics are the compiler's, spinlocks spin; who would sleep aborts:
 * nobody waits for a group of his own.
 */
#ifndef BENCH_NATIVE_SHADOW_H
#define BENCH_NATIVE_SHADOW_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <linux/pci_regs.h>
#include <linux/types.h>
#include <linux/kernel.h>

#undef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#define noinline __attribute__((__noinline__))
#define __user
#define __force
#define IS_ENABLED(option) 0
#define BUILD_BUG_ON(x) _Static_assert(!(x), #x)
#define static_assert _Static_assert
#define data_race(x) (x)
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb() smp_mb()
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define le32_to_cpu(x) (x)
#define cpu_to_le32(x) (x)
#define EXPORT_SYMBOL_NS_GPL(symbol, space) struct shadow_nothing

typedef long long ktime_t;
typedef struct { int counter; } atomic_t;
typedef struct { long long counter; } atomic64_t;
typedef struct { char taken; } spinlock_t;
typedef spinlock_t raw_spinlock_t;
typedef u64 resource_size_t;
typedef struct { int nothing; } wait_queue_head_t;

struct list_head { struct list_head *next, *prev; };
struct hlist_head { void *first; };
struct hlist_node { void *next, **pprev; };
struct rcu_head { void *next; };
struct kref { int count; };
struct mutex { int nothing; };
struct rw_semaphore { int nothing; };
struct device { int nothing; };
struct resource { resource_size_t start, end; struct resource *parent; };
struct file;
struct module;
struct task_struct { int nothing; };
struct pci_bus { struct pci_bus *parent; struct pci_dev *self; u8 number; };
struct pci_dev { struct pci_bus *bus; u8 devfn; int pm_cap, error_state; };
#define pci_domain_nr(bus) 0

#define TASK_COMM_LEN 16
#define pci_channel_io_perm_failure 3
#define PCI_D0 0

#define atomic_read(a) READ_ONCE((a)->counter)
#define atomic_set(a, v) WRITE_ONCE((a)->counter, v)
#define atomic_andnot(v, a) __atomic_and_fetch(&(a)->counter, ~(v), __ATOMIC_RELAXED)
#define atomic_fetch_or_acquire(v, a) __atomic_fetch_or(&(a)->counter, v, __ATOMIC_ACQUIRE)
#define atomic_dec_and_test(a) (!__atomic_sub_fetch(&(a)->counter, 1, __ATOMIC_SEQ_CST))
#define atomic_try_cmpxchg_acquire(a, old, new) \
	__atomic_compare_exchange_n(&(a)->counter, old, new, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)

#define spin_lock_init(l) ((l)->taken = 0)
#define spin_lock(l) do { } while (__atomic_test_and_set(&(l)->taken, __ATOMIC_ACQUIRE))
#define spin_unlock(l) __atomic_clear(&(l)->taken, __ATOMIC_RELEASE)
#define raw_spin_lock_irqsave(l, flags) do { (flags) = 0; spin_lock(l); } while (0)
#define raw_spin_unlock_irqrestore(l, flags) do { (void)(flags); spin_unlock(l); } while (0)

#define LIST_HEAD(name) struct list_head name = { &name, &name }
#define INIT_LIST_HEAD(h) ((h)->next = (h)->prev = (h))
#define list_empty(h) ((h)->next == (h))
#define list_is_first(e, h) ((e)->prev == (h))
#define list_first_entry(h, type, member) container_of((h)->next, type, member)
#define list_for_each_entry(pos, head, member) while (0)

static inline void list_del(struct list_head *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
}

static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	e->next = h;
	e->prev = h->prev;
	h->prev->next = e;
	h->prev = e;
}

#define current ((struct task_struct *)NULL)
#define TASK_KILLABLE 0
#define TASK_UNINTERRUPTIBLE 0
#define TASK_RUNNING 0
#define set_current_state(s) ((void)(s))
#define __set_current_state(s) ((void)(s))
#define schedule() abort()
#define wake_up_process(task) ((void)(task))
#define fatal_signal_pending(task) ((void)(task), 0)
#define might_sleep() ((void)0)
#define usleep_range(a, b) abort()

#define ktime_get() 0
#define ktime_sub(a, b) ((a) - (b))
#define ktime_to_ns(a) (a)
#define ktime_ms_delta(a, b) ((a) - (b))
#define fls64(x) ((x) ? 64 - __builtin_clzll(x) : 0)

#define get_user(val, p) ((val) = *(p), 0)
#define copy_from_user(to, from, n) (memcpy(to, from, n), 0)
#define copy_to_user(to, from, n) (memcpy(to, from, n), 0)
#define user_write_access_begin(p, n) 1
#define user_write_access_end() ((void)0)
#define unsafe_put_user(val, p, label) do { *(p) = (val); if (0) goto label; } while (0)

static inline void *memchr_inv(const void *p, int c, size_t n)
{
	const unsigned char *b = p;

	for (; n; n--, b++)
		if (*b != (unsigned char)c)
			return (void *)b;
	return NULL;
}

/* The device: what stands for a port is main.c's. */
u32 shadow_in(u32 port);
#define inb(port) ((u8)shadow_in(port))
#define inw(port) ((u16)shadow_in(port))
#define inl(port) shadow_in(port)
#define outb(val, port) ((void)(val), (void)(port))
#define outw(val, port) ((void)(val), (void)(port))
#define outl(val, port) ((void)(val), (void)(port))
#define insb(port, data, n) ((void)(data))
#define insw(port, data, n) ((void)(data))
#define insl(port, data, n) ((void)(data))
#define outsb(port, data, n) ((void)(data))
#define outsw(port, data, n) ((void)(data))
#define outsl(port, data, n) ((void)(data))

#define TP_PROTO(...) __VA_ARGS__
#define TRACE_EVENT(name, proto, ...)				\
	static inline void trace_##name(proto) { }		\
	static inline int trace_##name##_enabled(void) { return 0; }
#define TP_ARGS(...)

#endif
