/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the proofs share. A proof is a function prove_*() that CBMC runs for all
 * values of everything that any_*() returns and that ASSUME() lets through; each
 * ends in END, which a second run (-DREACH) must find reachable, or else
 * the assumptions contradict each other and the proof says nothing.
 */
#ifndef TESTS_PROOF_H
#define TESTS_PROOF_H

#include <linux/types.h>

#define ASSUME(x) __CPROVER_assume(x)
#ifdef REACH
#define PROVE(x, why) ((void)0)
#define END __CPROVER_assert(0, "end reached")
#else
#define PROVE(x, why) __CPROVER_assert(x, why)
#define END ((void)0)
#endif

u32 nondet_u32(void);
u8 nondet_u8(void);
_Bool nondet_bool(void);

#define any_u32() nondet_u32()
#define any_u8() nondet_u8()
#define any_bool() nondet_bool()

#endif
