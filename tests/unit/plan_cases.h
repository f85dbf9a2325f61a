/* SPDX-License-Identifier: GPL-2.0-only */
/* Topology, selection, result. Included into an array; see world.h for the language. */

/* Three root ports, one starved: all share the first free granule. */
{ "plan_root_ports_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000\n"
  " port w=2000-2fff\n"
  "  b: fn 100@2000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { .windows = 1 },
  "3000-3fff a@3000 b@3000 c@3000" },

/* The one that stays keeps its ports. */
{ "plan_bystander_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000\n"
  " port w=2000-2fff\n"
  "  fn 100@2000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a c", { .windows = 1 },
  "3000-3fff a@3000 c@3000" },

/* No room left: the window is laid into what a selected slot had. */
{ "plan_lend_check",
  "root 1000-2fff low=1000\n"
  " port w=1000-1fff\n"
  "  fn 100@1000\n"
  " port w=2000-2fff\n"
  "  b: fn 100@2000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "b c", { .windows = 1 },
  "2000-2fff b@2000 c@2000" },

/* Lending twice: two windows, each one's own. */
{ "plan_lend_two_check",
  "root 1000-2fff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000\n"
  " port w=2000-2fff\n"
  "  b: fn 100@2000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { 0 },
  "1000-1fff a@1000 c@1000; 2000-2fff b@2000" },

/* What was held for an attached slot can be lent to later ones. */
{ "plan_lend_held_check",
  "root 1000-2fff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000\n"
  " port\n"
  "  b: fn 1000\n",
  "a", "b", { .windows = 2 },
  "2000-2fff a; 1000-1fff b@1000" },

/* Nothing free: said with what further slot would help. */
{ "plan_no_space_hint_check",
  "root 1000-2fff low=1000\n"
  " port w=1000-1fff\n"
  "  h: fn 100@1000\n"
  " port w=2000-2fff\n"
  "  b: fn 100@2000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "NO_SPACE c hint=h need=1000" },

/* The hint can be lent: not one in use, not a starved one, not one too small. */
{ "plan_no_space_hint_able_check",
  "root 1000-4fff low=1000\n"
  " port w=1000-1fff\n"
  "  fn 100@1000 use=ahci\n"
  " port w=2000-2fff\n"
  "  fn 100@2000 20\n"
  " port w=3000-4fff\n"
  "  h: fn 2000@3000\n"
  " port\n"
  "  c: fn 2000\n",
  NULL, "c", { 0 },
  "NO_SPACE c hint=h need=2000" },

{ "plan_no_space_no_hint_check",
  "root 1000-1fff low=1000\n"
  " port w=1000-1fff\n"
  "  fn 100@1000 use=ahci\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "NO_SPACE c need=1000" },

/* A multifunction slot is a hint as well. */
{ "plan_no_space_hint_functions_check",
  "root 1000-1fff low=1000\n"
  " port w=1000-1fff\n"
  "  h: fn 100@1000 @0.0\n"
  "  fn 100@1100 @0.1\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "NO_SPACE c hint=h need=1000" },

/* No aperture at all. */
{ "plan_no_aperture_check",
  "root\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "NO_SPACE c need=1000" },

/* Holes: the second aperture is used, `low` is obeyed in the first. */
{ "plan_apertures_check",
  "root 0-cf7 d00-1fff 8000-8fff low=1000\n"
  " port w=1000-1fff\n"
  "  fn 100@1000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "8000-8fff c@8000" },

{ "plan_busy_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  c: fn 100\n"
  "busy 1000-103f acpi\n"
  "busy 2ff0-3000 gpio\n",
  NULL, "c", { 0 },
  "4000-4fff c@4000" },

/* Refusals. */
{ "plan_refuse_bridge_check",
  "root 1000-ffff\n"
  " p: port\n"
  "  fn 100\n",
  NULL, "p", { 0 },
  "BRIDGE p" },

{ "plan_refuse_no_io_bar_check",
  "root 1000-ffff\n"
  " port\n"
  "  a: fn\n",
  NULL, "a", { 0 },
  "NO_IO_BAR a" },

{ "plan_refuse_vf_check",
  "root 1000-ffff\n"
  " port\n"
  "  a: fn 100\n"
  "  v: fn vf @10.0\n",
  NULL, "v", { 0 },
  "NO_IO_BAR v" },

{ "plan_refuse_in_use_check",
  "root 1000-ffff\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000 @0.0\n"
  "  b: fn 100@1100 use=megaraid_sas @0.1\n",
  NULL, "a", { 0 },
  "IN_USE a at=b who=megaraid_sas" },

{ "plan_refuse_shared_check",
  "root 1000-ffff\n"
  " port\n"
  "  a: fn 100\n",
  "a", "a", { 0 },
  "SHARED a" },

{ "plan_refuse_no_forward_check",
  "root 1000-ffff\n"
  " p: port nofwd\n"
  "  port\n"
  "   a: fn 100\n",
  NULL, "a", { 0 },
  "NO_FORWARD a at=p" },

{ "plan_refuse_unsized_check",
  "root 1000-ffff\n"
  " port\n"
  "  a: fn ?\n",
  NULL, "a", { 0 },
  "UNSIZED a" },

{ "plan_refuse_isa_check",
  "root 1000-ffff\n"
  " p: port isa\n"
  "  a: fn 100 400\n",
  NULL, "a", { 0 },
  "ISA a at=p need=500" },

/* Two BARs on one bus of a mixed port: not even one 4 KiB piece is left, nor beside it. */
{ "plan_refuse_mixed_check",
  "root 1000-1fff 3000-ffff low=1000\n"
  " p: port w=1000-1fff\n"
  "  o: fn 800@1000\n"
  "  fn 800@1800\n"
  "  port\n"
  "   a: fn 100\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=o need=1000 range=1000-1fff" },

/* Its window is full: it is given what adjoins, and the bystanders keep theirs. */
{ "plan_widen_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-1fff\n"
  "  fn 800@1000\n"
  "  fn 800@1800\n"
  "  port\n"
  "   a: fn 100\n"
  "  port\n"
  "   b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { .windows = 1 },
  "2000-2fff a@2000 b@2000; 3000-3fff c@3000; p=1000-2fff" },

/* Nothing free above: below. Not what the system keeps for itself. */
{ "plan_widen_below_check",
  "root 0-ffff low=1000\n"
  " p: port w=2000-2fff\n"
  "  fn 1000@2000\n"
  "  a: fn 100\n"
  " port w=3000-3fff\n"
  "  fn 100@3000\n",
  NULL, "a", { 0 },
  "1000-1fff a@1000; p=1000-2fff" },

{ "plan_widen_low_check",
  "root 0-ffff low=2000\n"
  " p: port w=2000-2fff\n"
  "  o: fn 1000@2000\n"
  "  a: fn 100\n"
  " port w=3000-3fff\n"
  "  fn 100@3000\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=o need=100 range=2000-2fff" },

/* All ports above that don't reach so far, and no others: from above. */
{ "plan_widen_switch_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-3fff\n"
  "  q: port w=1000-1fff\n"
  "   r: port w=1000-1fff\n"
  "    port w=1000-1fff\n"
  "     fn 100@1000\n"
  "    port\n"
  "     a: fn 100\n"
  "    port\n"
  "     b: fn 2000\n",
  NULL, "a b", { .windows = 1 },
  "2000-3fff a@2000 b@2000; q=1000-3fff; r=1000-3fff" },

{ "plan_widen_cascade_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-1fff\n"
  "  q: port w=1000-1fff\n"
  "   port w=1000-1fff\n"
  "    fn 100@1000\n"
  "   port\n"
  "    a: fn 100\n"
  " port w=2000-2fff\n"
  "  fn 100@2000\n",
  NULL, "a", { 0 },
  "MIXED a at=q hint=- need=1000 range=1000-1fff" },

/* A sibling of an upper level in the way above, room below. */
{ "plan_widen_sibling_check",
  "root 1000-ffff low=1000\n"
  " p: port w=3000-5fff\n"
  "  q: port w=4000-4fff\n"
  "   port w=4000-4fff\n"
  "    fn 100@4000\n"
  "   port\n"
  "    a: fn 100\n"
  "  port w=5000-5fff\n"
  "   fn 100@5000\n",
  NULL, "a", { 0 },
  "3000-3fff a@3000; q=3000-4fff" },

/* Partly in what it has. */
{ "plan_widen_partly_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-2fff\n"
  "  port w=1000-1fff\n"
  "   fn 100@1000\n"
  "  port\n"
  "   a: fn 100 1000\n"
  " port w=4000-4fff\n"
  "  fn 100@4000\n",
  NULL, "a", { 0 },
  "2000-3fff a@2000@3000; p=1000-3fff" },

/* A larger alignment: nothing may be left over in between. */
{ "plan_widen_aligned_check",
  "root 1000-ffff low=1000\n"
  " p: port w=2000-2fff\n"
  "  fn 1000@2000\n"
  "  port\n"
  "   a: fn 2000\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=- need=2000 range=2000-2fff" },

{ "plan_widen_aligned_fits_check",
  "root 1000-ffff low=1000\n"
  " p: port w=2000-3fff\n"
  "  fn 2000@2000\n"
  "  port\n"
  "   a: fn 2000\n",
  NULL, "a", { 0 },
  "4000-5fff a@4000; p=2000-5fff" },

/* What adjoins is a sharer's own: it is lent. */
{ "plan_widen_not_lent_check",
  "root 1000-2fff low=1000\n"
  " p: port w=1000-1fff\n"
  "  fn 1000@1000\n"
  "  port\n"
  "   a: fn 100\n"
  " port w=2000-2fff\n"
  "  b: fn 100@2000\n",
  NULL, "a", { .windows = 1 },
  "MIXED a at=p hint=- need=1000 range=1000-1fff" },

{ "plan_widen_lent_check",
  "root 1000-3fff low=1000\n"
  " p: port w=1000-1fff\n"
  "  fn 1000@1000\n"
  "  port\n"
  "   a: fn 100\n"
  " port w=2000-2fff\n"
  "  b: fn 100@2000\n",
  NULL, "a b", { .windows = 1 },
  "2000-2fff a@2000; 3000-3fff b@3000; p=1000-2fff" },

/* The upper 16 bits of a window in use can't be changed: that takes several writes. */
{ "plan_widen_io32_check",
  "root 1000-1ffff low=1000\n"
  " p: port io32 w=f000-ffff\n"
  "  fn 1000@f000\n"
  "  port io32\n"
  "   a: fn 100\n"
  " port w=e000-efff\n"
  "  fn 100@e000\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=- need=1000 range=f000-ffff" },

/* Free, but not beside it. */
{ "plan_widen_not_beside_check",
  "root 1000-ffff low=1000\n"
  " port w=2000-2fff\n"
  "  fn 100@2000\n"
  " p: port w=3000-3fff\n"
  "  o: fn 1000@3000\n"
  "  a: fn 100\n"
  " port w=4000-4fff\n"
  "  fn 100@4000\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=o need=100 range=3000-3fff" },

/* Each bus widens for itself; the second finds what the first has left. */
{ "plan_widen_two_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-1fff\n"
  "  fn 1000@1000\n"
  "  a: fn 20\n"
  " q: port w=3000-3fff\n"
  "  fn 1000@3000\n"
  "  b: fn 20\n"
  "  c: fn 40\n",
  NULL, "a b c", { 0 },
  "2000-2fff a@2000; 4000-4fff b@4000 c@4000; p=1000-2fff; q=3000-4fff" },

/* Later ones join the group that is there. */
{ "plan_widen_join_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-1fff\n"
  "  fn 1000@1000\n"
  "  a: fn 20\n"
  "  b: fn 20\n",
  "a", "b", { .windows = 1 },
  "2000-2fff a b@2000" },

/* Room for hotplug on the root bus is not given away. */
{ "plan_widen_reserve_check",
  "root 1000-3fff low=1000\n"
  " p: port w=1000-1fff\n"
  "  o: fn 1000@1000\n"
  "  a: fn 20\n",
  NULL, "a", { .reserve = 2 },
  "MIXED a at=p hint=o need=20 range=1000-1fff" },

{ "plan_widen_reserve_fits_check",
  "root 1000-3fff low=1000\n"
  " p: port w=1000-1fff\n"
  "  o: fn 1000@1000\n"
  "  a: fn 20\n",
  NULL, "a", { .reserve = 1 },
  "2000-2fff a@2000; p=1000-2fff" },

/* Windows of another aperture don't adjoin. */
{ "plan_widen_aperture_check",
  "root 1000-1fff 2000-2fff low=1000\n"
  " p: port w=1000-1fff\n"
  "  o: fn 1000@1000\n"
  "  a: fn 20\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=o need=20 range=1000-1fff" },

/* A port with BARs of its own and no window at all. */
{ "plan_widen_nothing_check",
  "root 1000-ffff low=1000\n"
  " p: port 20@3000\n"
  "  a: fn 100\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=p need=100" },

/* Only one side of a window in use can be moved. */
{ "plan_widen_both_sides_check",
  "root 1000-ffff low=1000\n"
  " p: port 20@c000 w=6000-6fff\n"
  "  a: fn 4000\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=p need=4000 range=6000-6fff" },

/* The window of a port that gets nothing from above can't be widened. */
{ "plan_widen_cut_off_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  p: port w=1000-1fff\n"
  "   o: fn 1000@1000\n"
  "   a: fn 20\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=o need=20 range=1000-1fff" },

/* A port above that passes the range already stays as it is; the one above it does not pass it. */
{ "plan_widen_odd_above_check",
  "root 1000-ffff low=1000\n"
  " q: port w=1000-1fff\n"
  "  port w=1000-3fff\n"
  "   p: port w=1000-1fff\n"
  "    fn 1000@1000\n"
  "    a: fn 20\n",
  NULL, "a", { 0 },
  "2000-2fff a@2000; q=1000-2fff; p=1000-2fff" },

{ "plan_widen_odd_above_refused_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  port w=1000-3fff\n"
  "   p: port w=1000-1fff\n"
  "    o: fn 1000@1000\n"
  "    a: fn 20\n"
  " port w=2000-2fff\n"
  "  fn 100@2000\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=o need=20 range=1000-1fff" },

/* At the end of all ports nothing wraps. */
{ "plan_widen_top_check",
  "root ffff0000-ffffefff\n"
  " p: port io32 w=ffffe000-ffffefff\n"
  "  fn 1000@ffffe000\n"
  "  port io32\n"
  "   a: fn 1000 1000\n",
  NULL, "a", { 0 },
  "ffffc000-ffffdfff a@ffffc000@ffffd000; p=ffffc000-ffffefff" },

/* The group's window is there already and too small. */
{ "plan_refuse_too_big_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 2000\n",
  "a", "b", { .windows = 1 },
  "TOO_BIG b need=2000 range=1000-1fff" },

/* Growing a branch beyond its window. */
{ "plan_refuse_grow_too_big_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  "  b: fn 2000\n",
  "a", "b", { 0 },
  "TOO_BIG b need=2000 range=1000-1fff" },

/* Above 64 Ki: 32 bits all the way, or not at all. */
{ "plan_io32_check",
  "root 10000-1ffff\n"
  " port io32\n"
  "  port io32\n"
  "   a: fn 100\n",
  NULL, "a", { 0 },
  "10000-10fff a@10000" },

{ "plan_refuse_io16_port_check",
  "root 10000-1ffff\n"
  " port io32\n"
  "  p: port\n"
  "   a: fn 100\n",
  NULL, "a", { 0 },
  "IO16 a at=p range=10000-10fff" },

{ "plan_refuse_io16_bar_check",
  "root 10000-1ffff\n"
  " port io32\n"
  "  a: fn 20 @0.0\n"
  "  b: fn 100/16 @0.1\n",
  NULL, "a", { 0 },
  "IO16 b range=10000-100ff" },

/* The functions of a slot: disjoint places, the largest first. */
{ "plan_functions_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 20 8 @0.0\n"
  "  b: fn 100 @0.1\n"
  "  c: fn 20 - 400 @0.7\n"
  " port\n"
  "  d: fn 40\n",
  NULL, "a d", { .windows = 1 },
  "1000-1fff a@1500@1540 b@1400 c@1000@1520 d@1000" },

/* Above 4 KiB. */
{ "plan_large_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 1000 @0.0\n"
  "  b: fn 1000 100 @0.1\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a c", { .windows = 1 },
  "1000-3fff a@1000 b@2000@3000 c@1000" },

{ "plan_large_aligned_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 2000\n",
  NULL, "a", { 0 },
  "2000-3fff a@2000" },

/* With ARI all functions of the bus are one slot. */
{ "plan_ari_check",
  "root 1000-ffff low=1000\n"
  " port ari\n"
  "  a: fn 100 @0.0\n"
  "  b: fn 100 @1.3\n"
  "  fn vf @2.0\n",
  NULL, "a", { 0 },
  "1000-1fff a@1000 b@1100" },

/* SR-IOV: the physical function shares, virtual ones are left alone. */
{ "plan_vf_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 20@1000 @0.0\n"
  "  fn vf @0.1\n"
  "  fn vf @10.1\n",
  NULL, "a", { 0 },
  "2000-2fff a@2000" },

/* ISA Enable: only the first 256 of each KiB. */
{ "plan_isa_check",
  "root 1000-ffff low=1000\n"
  " port isa\n"
  "  a: fn 100 80 @0.0\n"
  "  b: fn 100 @0.1\n"
  " port\n"
  "  c: fn 100 80 100\n",
  NULL, "a c", { .windows = 1 },
  "1000-1fff a@1000@1800 b@1400 c@1000@1100@1200" },

/* ISA Enable on a mixed port, functions below are gates: not any free place will do. */
{ "plan_isa_mixed_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff isa\n"
  "  fn 100@1000\n"
  "  a: fn 80\n"
  "  b: fn 20\n",
  NULL, "a b", { .windows = 1 },
  "1400-17ff a@1400 b@1400" },

/* A port with an I/O BAR of its own, given nothing: to open it would let that decode anywhere. */
{ "plan_port_bar_check",
  "root 1000-ffff low=1000\n"
  " port w=2000-2fff 100\n"
  "  a: fn 100\n",
  NULL, "a", { .windows = 1 },
  "2000-20ff a@2000" },
{ "plan_port_bar_refuse_check",
  "root 1000-ffff low=1000\n"
  " p: port 100\n"
  "  a: fn 100\n",
  NULL, "a", { .windows = 1 },
  "MIXED a at=p hint=p need=100" },

/* Integrated endpoints: gates are the functions, and no granule is needed. */
{ "plan_root_functions_check",
  "root 1000-ffff low=1000\n"
  " a: fn 20@1000\n"
  " b: fn 20\n"
  " o: fn 20@1020\n"
  " c: fn 8 8\n",
  NULL, "a b c", { .windows = 1 },
  "1040-105f a@1040 b@1040 c@1040@1048" },

/* A port joins later: the window of functions is no window for a port. */
{ "plan_port_joins_functions_check",
  "root 1000-ffff low=1000\n"
  " a: fn 20\n"
  " port\n"
  "  c: fn 20\n"
  " port\n"
  "  d: fn 20\n",
  "a", "c d", { .windows = 2 },
  "1000-101f a; 2000-2fff c@2000 d@2000" },

{ "plan_port_joins_functions_refused_check",
  "root 1000-ffff low=1000\n"
  " a: fn 20\n"
  " port\n"
  "  c: fn 20\n",
  "a", "c", { .windows = 1 },
  "TOO_BIG c need=1000 range=1000-101f" },

/* Nor is one that is large enough, and not where a port's could be. */
{ "plan_port_joins_large_functions_check",
  "root 1000-ffff low=1000\n"
  " fn 100@1000\n"
  " a: fn 100 100 100 100 100 100 @1.0\n"
  " b: fn 100 100 100 100 100 100 @1.1\n"
  " c: fn 100 100 100 100 @1.2\n"
  " port\n"
  "  d: fn 20\n",
  "a", "d", { .windows = 1 },
  "TOO_BIG d need=1000 range=1100-20ff" },

/* Conventional PCI below a bridge: port gate, then function gates. */
{ "plan_conventional_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  port w=1000-1fff\n"
  "   a: fn 100@1000\n"
  "   b: fn 100@1100\n"
  "   c: fn 8 @5.0\n"
  " port\n"
  "  d: fn 100\n",
  NULL, "a b c d", { .windows = 1 },
  "2000-2fff d@2000 a@2000 b@2000 c@2000" },

/* A bus with sharers and a bystander: a group of its own inside the port's window. */
{ "plan_mixed_functions_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  o: fn 100@1000\n"
  "  a: fn 100@1100\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { .windows = 1 },
  "1200-12ff a@1200 b@1200; 2000-2fff c@2000" },

/* Below a mixed switch: ports need a granule inside the upstream window. */
{ "plan_mixed_switch_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-3fff\n"
  "  port w=1000-3fff\n"
  "   port w=1000-1fff\n"
  "    fn 100@1000\n"
  "   port w=2000-2fff\n"
  "    a: fn 100@2000\n"
  "   port\n"
  "    b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { .windows = 1 },
  "3000-3fff a@3000 b@3000; 4000-4fff c@4000" },

{ "plan_mixed_switch_lend_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-2fff\n"
  "  port w=1000-2fff\n"
  "   port w=1000-1fff\n"
  "    fn 100@1000\n"
  "   port w=2000-2fff\n"
  "    a: fn 100@2000\n"
  "   port\n"
  "    b: fn 100\n",
  NULL, "a b", { .windows = 1 },
  "2000-2fff a@2000 b@2000" },

/* A mixed port without sharers of its own group stays mixed when the bystander goes. */
{ "plan_mixed_more_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  o: fn 100@1000\n"
  "  a: fn 100@1100\n"
  "  b: fn 100\n",
  "a", "o b", { .windows = 1 },
  "1200-12ff o@1200 a b@1200" },

/* An empty port with a window below a port of sharers: its ports are somebody's. */
{ "plan_empty_port_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-3fff\n"
  "  port w=1000-3fff\n"
  "   port w=1000-1fff\n"
  "    a: fn 100@1000\n"
  "   port w=2000-2fff\n"
  "   port\n"
  "    b: fn 100\n",
  NULL, "a b", { .windows = 1 },
  "3000-3fff a@3000 b@3000" },

/* Three levels, one window on the root. */
{ "plan_cascade_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-2fff\n"
  "  port w=1000-2fff\n"
  "   port w=1000-1fff\n"
  "    port w=1000-1fff\n"
  "     port w=1000-1fff\n"
  "      a: fn 100@1000\n"
  "     port\n"
  "      b: fn 100\n"
  "   port w=2000-2fff\n"
  "    c: fn 100@2000\n"
  "   port\n"
  " port\n"
  "  d: fn 100\n",
  NULL, "a b c d", { .windows = 1 },
  "3000-3fff d@3000 c@3000 a@3000 b@3000" },

/* A slot with a port among its functions. */
{ "plan_port_in_slot_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 20 @0.0\n"
  "  port @0.1\n"
  "   b: fn 20\n"
  "  c: fn 20 @0.2\n"
  " port\n"
  "  d: fn 20\n",
  NULL, "a b d", { .windows = 1 },
  "1000-1fff a@1000 c@1020 d@1000 b@1000" },

/* Several roots: each has windows of its own. */
{ "plan_roots_check",
  "root 1000-7fff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  "root 8000-bfff low=1000\n"
  " port\n"
  "  b: fn 100\n"
  "root c000-ffff seg=1 low=1000\n"
  " port\n"
  "  c: fn 100\n"
  " port\n"
  "  d: fn 100\n",
  NULL, "a b c d", { .windows = 1 },
  "1000-1fff a@1000; 8000-8fff b@8000; c000-cfff c@c000 d@c000" },

/* As many windows as useful; the heaviest branches apart. */
{ "plan_spread_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  port\n"
  "   port\n"
  "    a: fn 100\n"
  "   port\n"
  "    b: fn 100\n"
  "   port\n"
  "    c: fn 100\n"
  " port\n"
  "  d: fn 100\n"
  " port\n"
  "  port\n"
  "   port\n"
  "    e: fn 100\n"
  "   port\n"
  "    f: fn 100\n"
  " port\n"
  "  g: fn 100\n",
  NULL, "a b c d e f g", { .windows = 2 },
  "1000-1fff g@1000 a@1000 b@1000 c@1000; 2000-2fff d@2000 e@2000 f@2000" },

{ "plan_windows_auto_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { 0 },
  "1000-1fff a@1000; 2000-2fff b@2000; 3000-3fff c@3000" },

/* As many as there is room for. */
{ "plan_windows_room_check",
  "root 1000-2fff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { .windows = 9 },
  "1000-1fff a@1000 c@1000; 2000-2fff b@2000" },

/* Windows of groups that are there count. */
{ "plan_windows_present_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  "a", "b c", { .windows = 2 },
  "1000-1fff a c@1000; 2000-2fff b@2000" },

/* Room is left for hotplug. */
{ "plan_reserve_check",
  "root 1000-4fff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { .reserve = 2 },
  "1000-1fff a@1000 c@1000; 2000-2fff b@2000" },

{ "plan_reserve_all_check",
  "root 1000-3fff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000\n"
  " port\n"
  "  b: fn 100\n",
  NULL, "a b", { .reserve = 4 },
  "1000-1fff a@1000 b@1000" },

/* Reserve counts granules in all apertures. */
{ "plan_reserve_apertures_check",
  "root 0-1fff 8000-8fff c000-cfff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a b c", { .reserve = 1 },
  "1000-1fff a@1000 c@1000; 8000-8fff b@8000" },

/* A reserve of what a large window takes. */
{ "plan_reserve_large_check",
  "root 1000-5fff low=1000\n"
  " port\n"
  "  a: fn 1000 1000\n"
  " port\n"
  "  b: fn 100\n",
  NULL, "a b", { .reserve = 3 },
  "1000-2fff a@1000@2000 b@1000" },

/* Later slots join the group that is there. */
{ "plan_incremental_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000\n"
  " port\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  "a b", "c", { .windows = 1 },
  "2000-2fff a b c@2000" },

/* A branch grows: a second slot below a port that was the last gate. */
{ "plan_grow_functions_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  "a c", "b", { .windows = 1 },
  "1000-1fff a b@1000 c" },

/* A branch grows by ports. */
{ "plan_grow_ports_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  port\n"
  "   port\n"
  "    a: fn 100\n"
  "   port\n"
  "    port\n"
  "     b: fn 100\n"
  " port\n"
  "  c: fn 100\n",
  "a c", "b", { .windows = 1 },
  "1000-1fff c a b@1000" },

/* A bystander came below a gate: nothing can be laid into the shared window. */
{ "plan_refuse_bystander_below_gate_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-1fff on shared\n"
  "  o: fn 100@1000\n"
  "  b: fn 1000\n",
  NULL, "b", { .windows = 1 },
  "MIXED b at=p hint=o need=1000 range=1000-1fff" },

/* Firmware left decode off, and windows open over nothing. */
{ "plan_decode_off_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff off\n"
  "  a: fn 100@1000 off\n"
  " port w=2000-2fff on\n"
  " port w=3000-3fff on\n"
  "  b: fn 100 on\n",
  NULL, "a b", { .windows = 1 },
  "4000-4fff a@4000 b@4000" },

/* The window of an attached group is never free, lent or not. */
{ "plan_group_window_taken_check",
  "root 1000-3fff low=1000\n"
  " port w=1000-1fff\n"
  "  a: fn 100@1000\n"
  " port w=2000-2fff\n"
  "  b: fn 100@2000\n"
  " port\n"
  "  c: fn 100\n",
  "a b", "c", { .windows = 4 },
  "3000-3fff a; 1000-1fff b; 2000-2fff c@2000" },

/* Reserve: room for hotplug is not given away, only what is lent; or refused. */
{ "plan_reserve_refused_check",
  "root 1000-2fff low=1000\n"
  " port\n"
  "  a: fn 100\n",
  NULL, "a", { .reserve = 2 },
  "NO_SPACE a need=1000" },

/* A mixed port's own BAR makes it somebody else's as well. */
{ "plan_port_with_bar_check",
  "root 1000-ffff low=1000\n"
  " p: port w=1000-2fff 20@3000\n"
  "  port w=1000-1fff\n"
  "   a: fn 100@1000\n",
  NULL, "a", { 0 },
  "2000-2fff a@2000" },

/* Below a mixed port what keeps ports may be an empty port. */
{ "plan_refuse_mixed_empty_port_check",
  "root 1000-1fff low=1000\n"
  " p: port w=1000-1fff\n"
  "  o: port w=1000-1fff\n"
  "  port\n"
  "   a: fn 100\n",
  NULL, "a", { 0 },
  "MIXED a at=p hint=o need=1000 range=1000-1fff" },

/* Sizes whose sum is beyond 32 bits. */
{ "plan_refuse_huge_check",
  "root 0-fffffffe\n"
  " port io32\n"
  "  a: fn 80000000 80000000 40000000 4\n",
  NULL, "a", { 0 },
  "NO_SPACE a need=ffffffff" },

/* A group whose slots are all gone takes the first branch; no window stays unused. */
{ "plan_windows_unused_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 100\n",
  "b", "a", { .windows = 9 },
  "1000-1fff b; 2000-2fff a@2000" },

/* The hint may be deep in a switch; other roots and functions on the bus are none. */
{ "plan_no_space_hint_deep_check",
  "root 8000-8fff low=1000\n"
  " port w=8000-8fff\n"
  "  fn 100@8000\n"
  "root 1000-3fff low=1000\n"
  " fn 800@1000\n"
  " fn 800@1800\n"
  " port w=3000-3fff\n"
  "  fn 100@3000\n"
  "  fn 100@3100\n"
  " port w=2000-2fff\n"
  "  port w=2000-2fff\n"
  "   port w=2000-2fff\n"
  "    h: fn 100@2000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "NO_SPACE c hint=h need=1000" },

/* A port among the functions of the slot that would help. */
{ "plan_no_space_hint_port_in_slot_check",
  "root 1000-1fff low=1000\n"
  " port w=1000-1fff\n"
  "  h: fn 100@1000 @0.0\n"
  "  port @0.1\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "NO_SPACE c hint=h need=1000" },

/* Who is named is below the port in question, not beside it. */
{ "plan_refuse_mixed_names_check",
  "root 1000-ffff\n"
  " p: port w=1000-1fff\n"
  "  port w=1000-1fff\n"
  "   o: fn 800@1000\n"
  "   fn 800@1800\n"
  "  port\n"
  "   a: fn 100\n"
  " fn 20@f000\n"
  " port w=2000-2fff\n"
  "  fn 100@2000\n"
  " port\n"
  "  b: fn 100\n",
  NULL, "b a", { 0 },
  "MIXED a at=p hint=o need=1000 range=1000-1fff" },

/* The window that is too small is the one of this root. */
{ "plan_refuse_too_big_root_check",
  "root 1000-7fff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  "root 8000-ffff low=1000\n"
  " port\n"
  "  b: fn 100\n"
  " port\n"
  "  c: fn 2000\n",
  "a b", "c", { .windows = 1 },
  "TOO_BIG c need=2000 range=8000-8fff" },

/* A slot whose first function is a port. */
{ "plan_port_first_in_slot_check",
  "root 1000-ffff low=1000\n"
  " port @1.0\n"
  "  b: fn 20\n"
  " a: fn 20 @1.1\n",
  NULL, "a b", { .windows = 1 },
  "1000-1fff a@1000 b@1000" },

{ "plan_reserve_plenty_check",
  "root 1000-ffff low=1000\n"
  " port\n"
  "  a: fn 100\n"
  " port\n"
  "  b: fn 100\n",
  NULL, "a b", { .reserve = 1 },
  "1000-1fff a@1000; 2000-2fff b@2000" },

/* Firmware gave two ports windows that overlap: neither may be used, nor lent where the other is. */
{ "plan_overlapping_windows_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-2fff\n"
  "  fn 100@1000\n"
  " port w=2000-3fff\n"
  "  fn 100@3000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "c", { 0 },
  "4000-4fff c@4000" },

{ "plan_overlapping_windows_lend_check",
  "root 1000-3fff low=1000\n"
  " port w=1000-2fff\n"
  "  fn 100@1000\n"
  " port w=2000-3fff\n"
  "  a: fn 100@3000\n"
  " port\n"
  "  c: fn 100\n",
  NULL, "a c", { .windows = 1 },
  "3000-3fff a@3000 c@3000" },

/* A window that Linux does not know of is a range that is taken. */
{ "plan_stray_window_check",
  "root 1000-ffff low=1000\n"
  " port w=1000-1fff\n"
  "  fn 100@1000\n"
  " port\n"
  "  c: fn 100\n"
  "busy 2000-5fff window-of-0000:00:01.0\n",
  NULL, "c", { 0 },
  "6000-6fff c@6000" },
