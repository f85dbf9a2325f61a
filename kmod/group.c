// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups and slots: attach, detach, and how they are.
 *
 * Attach and detach are a transaction each: everything is allocated first, then
 * the steps are carried out one after another, and undone latest first when one
 * fails. What cannot fail comes last: the new gate trees are put in place of
 * the old ones, under the turns of their groups, with every gate shut.
 *
 * The journal is the row of all steps that are in force. Detach undoes those of
 * the functions that no other slot needs.
 */
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include "iomul.h"
#include "trace.h"

DEFINE_MUTEX(iomul_lock);
LIST_HEAD(iomul_lives);
LIST_HEAD(iomul_slots);

int iomul_refuse(struct iomul_refusal *r, u32 reason, struct iomul_addr slot, struct iomul_addr at)
{
	memset(r, 0, sizeof(*r));
	r->reason = reason;
	r->slot = slot;
	r->at = at;
	r->hint = slot;
	r->range = IOMUL_RANGE_EMPTY;
	return -iomul_reason_errno(reason);
}

/*
 * Trees
 */

static void tree_free(struct iomul_tree *tree)
{
	kvfree(tree->mux.bus);
	kvfree(tree->mux.gate);
	kvfree(tree->mux.slot);
	kvfree(tree->mux.path);
	kvfree(tree->held);
	kvfree(tree->slot);
	memset(tree, 0, sizeof(*tree));
	tree->mux.owner = IOMUL_NONE;
}

static void *tree_array(struct iomul_tree *tree, u32 n, size_t size)
{
	tree->bytes += (n + 1) * size;
	return kvcalloc(n + 1, size, GFP_KERNEL);
}

static bool tree_alloc(struct iomul_tree *tree, u32 helds)
{
	struct iomul_mux *mux = &tree->mux;

	mux->bus = tree_array(tree, mux->buses, sizeof(*mux->bus));
	mux->gate = tree_array(tree, mux->gates, sizeof(*mux->gate));
	mux->slot = tree_array(tree, mux->slots, sizeof(*mux->slot));
	mux->path = tree_array(tree, mux->paths, sizeof(*mux->path));
	tree->held = tree_array(tree, helds, sizeof(*tree->held));
	tree->slot = tree_array(tree, mux->slots, sizeof(*tree->slot));
	return mux->bus && mux->gate && mux->slot && mux->path && tree->held && tree->slot;
}

/* From indexes of nodes to held functions: those of the gates first, gate after gate. */
static void tree_fill(struct iomul_tree *tree, const struct iomul_snapshot *snap, u32 id)
{
	struct iomul_gate *gate;
	u32 i, g, node;

	for (i = 0; i < snap->t.nodes; i++)
		if (snap->held[i])
			snap->held[i]->placed = false;
	for (g = 0; g < tree->mux.gates; g++) {
		gate = &tree->mux.gate[g];
		node = gate->node;
		gate->node = tree->helds;
		for (i = node; i < node + gate->nodes; i++) {
			/* A port among a slot's functions is a gate of its own. */
			if (!snap->held[i] || snap->node[i].group != id ||
			    (i != node && (snap->node[i].flags & IOMUL_NODE_PORT)))
				continue;
			snap->held[i]->placed = true;
			tree->held[tree->helds++] = snap->held[i];
		}
		gate->nodes = tree->helds - gate->node;
	}
	for (i = 0; i < snap->t.nodes; i++)
		if (snap->held[i] && snap->node[i].group == id && !snap->held[i]->placed)
			tree->held[tree->helds++] = snap->held[i];
	for (i = 0; i < tree->mux.slots; i++) {
		gate = tree->mux.slot[i].gate;
		if (gate->nodes != 1)
			continue;
		tree->mux.slot[i].own = tree->held[gate->node];
		iomul_mux_swappable(&tree->mux, i, !tree->held[gate->node]->special);
	}
}

/* The slot record of the slot whose first function is @node. */
static struct iomul_slot *node_slot(const struct iomul_snapshot *snap, u32 node, u32 id)
{
	u32 i, count, first = iomul_slot_span(&snap->t, node, &count);

	for (i = first; i < first + count; i++)
		if (snap->held[i] && snap->node[i].group == id && snap->held[i]->slot)
			return snap->held[i]->slot;
	return NULL;
}

static int tree_build(struct iomul_live *live, struct iomul_snapshot *snap)
{
	struct iomul_tree *tree = &live->next;
	u32 i, helds = 0, *slot_node = NULL;
	int err;

	memset(tree, 0, sizeof(*tree));
	err = iomul_mux_build(&snap->t, live->id, &tree->mux, NULL);
	if (err)
		return err;
	for (i = 0; i < snap->t.nodes; i++)
		helds += snap->held[i] && snap->node[i].group == live->id;
	slot_node = kvcalloc(tree->mux.slots + 1, sizeof(*slot_node), GFP_KERNEL);
	err = -ENOMEM;
	if (!slot_node || !tree_alloc(tree, helds))
		goto out;
	err = iomul_mux_build(&snap->t, live->id, &tree->mux, slot_node);
	if (err)
		goto out;
	tree_fill(tree, snap, live->id);
	for (i = 0; i < tree->mux.slots; i++)
		tree->slot[i] = node_slot(snap, slot_node[i], live->id);
out:
	kvfree(slot_node);
	if (err)
		tree_free(tree);
	return err;
}

/* With the turn. */
static void slot_set_index(struct iomul_slot *slot, u32 index)
{
	struct iomul_held *held;

	slot->index = index;
	list_for_each_entry(held, &slot->functions, in_slot)
		if (held->user && !held->user->gone)
			held->user->index = index;
}

/* With the turn, and all gates shut: the tree that was built takes over. */
static void tree_install(struct iomul_live *live)
{
	struct iomul_tree *tree = &live->tree;
	const struct iomul_gate *gate;
	struct iomul_slot *slot;
	u32 i, k;

	list_for_each_entry(slot, &iomul_slots, list)
		if (slot->live == live)
			slot_set_index(slot, IOMUL_UNREACHABLE);
	tree_free(tree);
	*tree = live->next;
	memset(&live->next, 0, sizeof(live->next));
	for (i = 0; i < tree->helds; i++)
		tree->held[i]->gate = IOMUL_NONE;
	for (i = 0; i < tree->mux.gates; i++) {
		gate = &tree->mux.gate[i];
		for (k = gate->node; k < gate->node + gate->nodes; k++)
			tree->held[k]->gate = i;
	}
	for (i = 0; i < tree->mux.slots; i++)
		if (tree->slot[i])
			slot_set_index(tree->slot[i], i);
	WARN_ON_ONCE(!iomul_mux_valid(&tree->mux));
	iomul_live_shut(live);
	/* Alone behind its port now, which is its gate; before, it may have been one itself. */
	for (i = 0; i < tree->helds; i++)
		if (tree->held[i]->slot && tree->held[i]->gate == IOMUL_NONE)
			iomul_held_decode(tree->held[i], true);
}

/*
 * Groups
 */

static struct iomul_live *live_find(u32 id)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list)
		if (live->id == id)
			return live;
	return NULL;
}

static struct iomul_live *live_new(const struct iomul_group *group, struct pci_bus *anchor)
{
	struct iomul_live *live = kzalloc(sizeof(*live), GFP_KERNEL);

	if (!live)
		return NULL;
	kref_init(&live->ref);
	iomul_turn_init(&live->turn);
	init_waitqueue_head(&live->lease_over);
	live->id = group->id;
	live->window = group->window;
	live->anchor = anchor;
	live->tree.mux.owner = IOMUL_NONE;
	if (!iomul_above_alloc(live)) {
		kfree(live);
		return NULL;
	}
	get_device(&anchor->dev);
	snprintf(live->name, sizeof(live->name), "iomul group %u", live->id);
	list_add_tail(&live->list, &iomul_lives);
	return live;
}

static struct iomul_addr live_anchor(const struct iomul_live *live, u32 *root)
{
	struct pci_bus *bus = live->anchor;

	*root = pci_is_root_bus(bus);
	if (!*root && bus->self)
		return iomul_pdev_addr(bus->self);
	return (struct iomul_addr){ .segment = pci_domain_nr(bus), .bus = bus->number };
}

static void live_release(struct kref *ref)
{
	struct iomul_live *live = container_of(ref, struct iomul_live, ref);

	tree_free(&live->tree);
	tree_free(&live->next);
	put_device(&live->anchor->dev);
	kfree(live->above);
	kfree(live);
}

static void live_drop(struct iomul_live *live)
{
	list_del(&live->list);
	kref_put(&live->ref, live_release);
}

/*
 * Slots
 */

static struct iomul_slot *slot_new(struct iomul_live *live, struct iomul_addr addr)
{
	struct iomul_slot *slot = kzalloc(sizeof(*slot), GFP_KERNEL);

	if (!slot)
		return NULL;
	kref_init(&slot->ref);
	INIT_LIST_HEAD(&slot->functions);
	slot->live = live;
	slot->index = IOMUL_UNREACHABLE;
	slot->addr = addr;
	slot->port = addr;
	kref_get(&live->ref);
	live->slots++;
	list_add_tail(&slot->list, &iomul_slots);
	return slot;
}

static void slot_release(struct kref *ref)
{
	struct iomul_slot *slot = container_of(ref, struct iomul_slot, ref);

	kref_put(&slot->live->ref, live_release);
	kfree(slot);
}

void iomul_slot_get(struct iomul_slot *slot)
{
	kref_get(&slot->ref);
}

void iomul_slot_put(struct iomul_slot *slot)
{
	kref_put(&slot->ref, slot_release);
}

static void slot_drop(struct iomul_slot *slot)
{
	slot->live->slots--;
	slot->live->count.accesses += slot->count.accesses;
	slot->live->count.switches += slot->count.switches;
	list_del(&slot->list);
	iomul_slot_put(slot);
}

struct iomul_slot *iomul_slot_find(struct iomul_addr addr)
{
	struct iomul_slot *slot;
	struct iomul_held *held;

	list_for_each_entry(slot, &iomul_slots, list) {
		if (slot->replaced)
			continue;
		if (iomul_addr_same_slot(slot->addr, addr))
			return slot;
		list_for_each_entry(held, &slot->functions, in_slot)
			if (iomul_addr_same_slot(held->addr, addr))	/* ARI */
				return slot;
	}
	return NULL;
}

/* Gate ports above @slot: each needs it, or (by -1) does no more. */
static void slot_count_ports(struct iomul_slot *slot, int by)
{
	struct iomul_held *held = list_first_entry_or_null(&slot->functions, struct iomul_held,
							   in_slot);

	for (held = held ? held->up : NULL; held; held = held->up)
		held->slots += by;
}

/*
 * Attach
 */

/* One attach under way. */
struct attach {
	struct iomul_snapshot *snap;
	struct iomul_plan plan;
	u32 groups;			/* that there were before */
	struct iomul_refusal *refusal;
	struct list_head *journal_mark;	/* last deed before */
	struct list_head *helds_mark;
	struct list_head *slots_mark;
	struct list_head *lives_mark;
};

static bool node_joins(const struct iomul_node *node)
{
	return node->group != IOMUL_NONE && !(node->flags & IOMUL_NODE_SHARED);
}

static int attach_plan(struct attach *a, const struct iomul_addr *addr, u32 count,
		       const struct iomul_policy *policy)
{
	struct iomul_topology *t = &a->snap->t;
	u32 i;
	int err = iomul_topology_init(t);

	for (i = 0; !err && i < count; i++)
		err = iomul_plan_select(t, addr[i], a->refusal);
	if (err)
		return err;
	a->groups = t->groups;
	a->plan.steps_max = iomul_plan_steps_max(t) + t->groups_max;
	a->plan.step = kvcalloc(a->plan.steps_max + 1, sizeof(*a->plan.step), GFP_KERNEL);
	if (!a->plan.step)
		return -ENOMEM;
	err = iomul_plan_attach(t, policy, &a->plan);
	if (err)
		*a->refusal = a->plan.refusal;
	return err;
}

/* A mixed port that the plan gives more ports than it has. */
static bool node_widens(const struct iomul_snapshot *snap, u32 node)
{
	return !iomul_range_contains(snap->node[node].window, snap->t.mark[node].window);
}

static int live_refuse_stranded(const struct iomul_live *live, struct iomul_addr slot,
				struct iomul_refusal *refusal)
{
	u32 root;
	int err = iomul_refuse(refusal, IOMUL_R_STRANDED, slot, live_anchor(live, &root));

	refusal->range = live->window;
	return err;
}

/* The first slot that is to join @live. */
static struct iomul_addr attach_joins(const struct attach *a, const struct iomul_live *live)
{
	const struct iomul_node *n = a->snap->node;

	while (n->group != live->id || !node_joins(n) || (n->flags & IOMUL_NODE_PORT))
		n++;
	return n->addr;
}

static int attach_new_held(struct attach *a, u32 node)
{
	struct iomul_snapshot *snap = a->snap;
	struct iomul_node *n = &snap->node[node];
	struct iomul_live *live = live_find(n->group);
	struct iomul_held *held, *up;

	if (live && live->lease)
		return iomul_lease_refuse(live, attach_joins(a, live), a->refusal);
	if (live && live->stranded)
		return live_refuse_stranded(live, attach_joins(a, live), a->refusal);
	held = iomul_guard_find(snap->pdev[node]);
	if (held)
		iomul_guard_join(held, live);
	else
		held = iomul_held_new(snap->pdev[node], live);
	if (PTR_ERR(held) == -EBUSY)
		return iomul_refuse(a->refusal, IOMUL_R_HOOKED, n->addr, n->addr);
	if (IS_ERR(held))
		return PTR_ERR(held);
	snap->held[node] = held;
	if (live)
		live->concerned = true;
	up = n->parent == IOMUL_NONE ? NULL : snap->held[n->parent];
	if (up && (up->window_only || snap->node[n->parent].group == n->group))
		held->up = up;
	return 0;
}

static int attach_new_slot(struct attach *a, u32 first, u32 count)
{
	struct iomul_snapshot *snap = a->snap;
	struct iomul_slot *slot = NULL;
	u32 i;

	for (i = first; i < first + count; i++) {
		if (!snap->held[i] || !node_joins(&snap->node[i]) ||
		    (snap->node[i].flags & IOMUL_NODE_PORT))
			continue;
		if (!slot)
			slot = slot_new(snap->held[i]->live, snap->node[first].addr);
		if (!slot)
			return -ENOMEM;
		snap->held[i]->slot = slot;
		list_add_tail(&snap->held[i]->in_slot, &slot->functions);
	}
	if (!slot)
		return 0;
	iomul_where_of(snap->pdev[first], &slot->where);
	if (snap->node[first].parent != IOMUL_NONE)
		slot->port = snap->node[snap->node[first].parent].addr;
	slot_count_ports(slot, 1);
	return 0;
}

/* Everything that needs memory, but the steps' own. */
static int attach_prepare(struct attach *a)
{
	struct iomul_snapshot *snap = a->snap;
	struct iomul_topology *t = &snap->t;
	u32 i, count;
	int err = 0;

	for (i = a->groups; i < t->groups; i++)
		if (!live_new(&t->group[i], snap->bus[t->group[i].anchor]))
			return -ENOMEM;
	for (i = 0; !err && i < t->nodes; i++)
		if (node_joins(&t->node[i]) || (node_widens(snap, i) && !snap->held[i]))
			err = attach_new_held(a, i);
	for (i = 0; !err && i < t->nodes; i++)
		if (iomul_slot_first(t, i)) {
			iomul_slot_span(t, i, &count);
			err = attach_new_slot(a, i, count);
		}
	return err;
}

static void attach_start(struct attach *a)
{
	struct iomul_snapshot *snap = a->snap;
	u32 i;

	/* Config writes that began before the filter was there end before it counts. */
	synchronize_rcu();
	for (i = 0; i < snap->t.nodes; i++)
		if (snap->held[i] && (!snap->held[i]->ready || snap->held[i]->guard))
			iomul_held_start(snap->held[i]);
}

static int attach_trees(struct attach *a)
{
	struct iomul_live *live;
	int err = 0;

	list_for_each_entry(live, &iomul_lives, list) {
		if (live->concerned)
			err = tree_build(live, a->snap);
		if (err)
			break;
	}
	return err;
}

static int attach_carry_out(struct attach *a)
{
	struct iomul_snapshot *snap = a->snap;
	const struct iomul_step *step;
	struct iomul_held *held;
	struct iomul_live *live;
	u32 i, id;
	int err = 0;

	for (i = 0; !err && i < a->plan.steps; i++) {
		step = &a->plan.step[i];
		held = step->kind == IOMUL_STEP_RESERVE ? NULL : snap->held[step->node];
		id = held ? snap->node[step->node].group : snap->t.group[step->node].id;
		live = live_find(id);
		err = iomul_step_carry_out(step, held, live, a->refusal);
	}
	return err;
}

/* Linux may say so, and be wrong: it does not open the window of a port in use that it has given up and placed anew. */
static int attach_reaches(struct attach *a)
{
	struct iomul_live *live;
	struct pci_dev *pdev;
	int err;

	list_for_each_entry(live, &iomul_lives, list) {
		pdev = live->concerned ? iomul_above_closed(live) : NULL;
		if (!pdev)
			continue;
		err = iomul_refuse(a->refusal, IOMUL_R_CLOSED, attach_joins(a, live), iomul_pdev_addr(pdev));
		a->refusal->range = live->window;
		return err;
	}
	return 0;
}

static void lives_install(void)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list) {
		if (!live->concerned)
			continue;
		iomul_turn_take(live, NULL, false);
		iomul_live_shut(live);
		tree_install(live);
		WRITE_ONCE(live->touched, true);	/* windows above may have been written since it was made */
		iomul_turn_give(live);
	}
}

/* Runtime resume would put back the config space that was saved before us. */
static void attach_awake(struct attach *a, bool awake)
{
	struct iomul_snapshot *snap = a->snap;
	u32 i;

	for (i = 0; i < snap->t.nodes; i++) {
		if (!snap->held[i] || !node_joins(&snap->node[i]))
			continue;
		if (awake)
			pm_runtime_get_sync(&snap->pdev[i]->dev);
		else
			pm_runtime_put(&snap->pdev[i]->dev);
	}
}

/* Undoes the deeds after @mark, latest first. */
static void deeds_undo_after(struct list_head *mark)
{
	while (iomul_journal.prev != mark)
		iomul_step_undo(list_last_entry(&iomul_journal, struct iomul_deed, list));
}

static void attach_forget(struct attach *a)
{
	struct iomul_held *held, *next;
	struct list_head *pos, *pos_next;
	LIST_HEAD(guards);

	deeds_undo_after(a->journal_mark);
	for (pos = a->helds_mark->next; pos != &iomul_helds; pos = pos_next) {
		held = list_entry(pos, struct iomul_held, in_all);
		pos_next = pos->next;
		if (held->guard || held->was_guard)
			list_move_tail(pos, &guards);
		else
			iomul_held_stop(held);
	}
	synchronize_rcu();
	while (iomul_slots.prev != a->slots_mark) {
		struct iomul_slot *slot = list_last_entry(&iomul_slots, struct iomul_slot, list);

		slot_count_ports(slot, -1);
		list_for_each_entry_safe(held, next, &slot->functions, in_slot)
			list_del_init(&held->in_slot);
		slot_drop(slot);
	}
	while (iomul_helds.prev != a->helds_mark)
		iomul_held_free(list_last_entry(&iomul_helds, struct iomul_held, in_all));
	list_for_each_entry(held, &guards, in_all)
		iomul_guard_again(held);
	list_splice_tail(&guards, &iomul_helds);
	while (iomul_lives.prev != a->lives_mark)
		live_drop(list_last_entry(&iomul_lives, struct iomul_live, list));
}

static void lives_settle(void)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list) {
		live->concerned = false;
		tree_free(&live->next);
		iomul_above_note(live);
	}
}

static void attach_say(const struct attach *a)
{
	struct iomul_slot *slot;
	struct list_head *pos;

	for (pos = a->slots_mark->next; pos != &iomul_slots; pos = pos->next) {
		slot = list_entry(pos, struct iomul_slot, list);
		pr_info("%04x:%02x:%02x attached to group %u, ports %#06x-%#06x\n",
			slot->addr.segment, slot->addr.bus, slot->addr.devfn >> 3, slot->live->id,
			slot->live->window.first, slot->live->window.last);
		iomul_event("attached", slot->addr, slot->live->id, 0);
	}
}

static void attach_guard_others(const struct attach *a)
{
	u32 i;

	for (i = 0; i < a->snap->t.nodes; i++)
		if (!a->snap->held[i])
			iomul_guard_new(a->snap->pdev[i]);
}

/* Guards that join are, if it fails, to be told from those that stay. */
static void attach_guards(struct attach *a, struct list_head *guards)
{
	struct iomul_snapshot *snap = a->snap;
	struct iomul_held *held;
	u32 i;

	for (i = 0; i < snap->t.nodes; i++) {
		held = iomul_guard_find(snap->pdev[i]);
		if (held && (node_joins(&snap->node[i]) || node_widens(snap, i)))
			list_move_tail(&held->in_all, guards);
	}
}

static int attach_locked(struct attach *a, const struct iomul_addr *addr, u32 count,
			 const struct iomul_policy *policy)
{
	int err = attach_plan(a, addr, count, policy);
	LIST_HEAD(guards);

	if (err)
		return err;
	attach_guards(a, &guards);
	a->journal_mark = iomul_journal.prev;
	a->helds_mark = iomul_helds.prev;
	list_splice_tail(&guards, &iomul_helds);
	a->slots_mark = iomul_slots.prev;
	a->lives_mark = iomul_lives.prev;
	err = attach_prepare(a);
	if (err)
		goto out_forget;
	attach_start(a);
	err = attach_trees(a);
	if (err)
		goto out_forget;
	attach_awake(a, true);
	err = attach_carry_out(a);
	if (!err)
		err = attach_reaches(a);
	if (!err) {
		lives_install();
		attach_guard_others(a);
	} else {
		deeds_undo_after(a->journal_mark);
	}
	attach_awake(a, false);
	if (!err)
		attach_say(a);
out_forget:
	if (err)
		attach_forget(a);
	lives_settle();
	return err;
}

/* What attach and detach change: nobody else does, and all is where we have it. */
static void tree_lock(void)
{
	pci_lock_rescan_remove();
	mutex_lock(&iomul_lock);
	iomul_above_mend();
}

static void tree_unlock(void)
{
	mutex_unlock(&iomul_lock);
	pci_unlock_rescan_remove();
}

int iomul_attach(const struct iomul_addr *addr, u32 count, const struct iomul_policy *policy,
		 struct iomul_refusal *refusal)
{
	struct attach a = { .refusal = refusal };
	int err;

	tree_lock();
	a.snap = iomul_snapshot_take();
	if (IS_ERR(a.snap)) {
		err = PTR_ERR(a.snap);
		goto out_unlock;
	}
	iomul_steps_unpark();
	err = attach_locked(&a, addr, count, policy);
	iomul_steps_late();
	kvfree(a.plan.step);
	iomul_snapshot_free(a.snap);
out_unlock:
	tree_unlock();
	return err;
}

/*
 * Detach
 */

static bool held_leaves(const struct iomul_held *held)
{
	if (held->guard)
		held = held->up;
	return held->slot ? held->slot->leaving : held->slots == held->leaving;
}

static bool live_leaves(const struct iomul_live *live)
{
	return live->slots == live->leaving;
}

static bool deed_leaves(const struct iomul_deed *deed)
{
	if (deed->step.kind == IOMUL_STEP_WIDEN)
		return held_leaves(deed->held) || !iomul_widen_needed(deed);
	return deed->held ? held_leaves(deed->held) : live_leaves(deed->live);
}

static void slot_leave(struct iomul_slot *slot)
{
	struct iomul_held *held = list_first_entry_or_null(&slot->functions, struct iomul_held,
							   in_slot);

	slot->leaving = true;
	slot->live->leaving++;
	slot->live->concerned = true;
	for (held = held ? held->up : NULL; held; held = held->up)
		held->leaving++;
}

static void detach_unmark(void)
{
	struct iomul_slot *slot;
	struct iomul_live *live;
	struct iomul_held *held;

	list_for_each_entry(slot, &iomul_slots, list)
		slot->leaving = false;
	list_for_each_entry(live, &iomul_lives, list)
		live->leaving = 0;
	list_for_each_entry(held, &iomul_helds, in_all)
		held->leaving = 0;
}

static const char *slot_user(const struct iomul_slot *slot)
{
	struct iomul_held *held;

	list_for_each_entry(held, &slot->functions, in_slot)
		if (held->user)
			return held->user->who;
	return "";
}

static int detach_refuse_open(const struct iomul_slot *slot, struct iomul_refusal *refusal)
{
	int err = iomul_refuse(refusal, IOMUL_R_OPEN, slot->addr, slot->addr);

	strscpy(refusal->who, slot_user(slot), sizeof(refusal->who));
	return err;
}

static int detach_select(const struct iomul_addr *addr, u32 count, struct iomul_refusal *refusal)
{
	struct iomul_slot *slot;
	u32 i;

	for (i = 0; i < count; i++) {
		slot = iomul_slot_find(addr[i]);
		if (!slot && iomul_wish_drop(addr[i]))
			continue;
		if (!slot)
			return iomul_refuse(refusal, IOMUL_R_NOT_SHARED, addr[i], addr[i]);
		if (slot->users)
			return detach_refuse_open(slot, refusal);
		if (slot->live->lease)
			return iomul_lease_refuse(slot->live, slot->addr, refusal);
		if (!slot->leaving)
			slot_leave(slot);
	}
	return 0;
}

/*
 * Behind a gate port that stays, a window or BAR that is put back into the shared
 * window would answer beside whoever owns it; but for a guard's, which is off.
 */
static struct iomul_live *deed_collides(const struct iomul_deed *deed)
{
	const struct iomul_held *held = deed->held;

	if (deed->step.kind != IOMUL_STEP_RELEASE || !held->up || held_leaves(held->up) || held->was_guard ||
	    !iomul_range_overlaps(deed->step.from, held->live->window))
		return NULL;
	return held->live;
}

/* A range that is to be given back must not carry a group that stays. */
static int detach_lenders(struct iomul_refusal *refusal)
{
	struct iomul_deed *deed;
	struct iomul_live *live;
	struct iomul_slot *slot;
	struct iomul_range range;
	struct iomul_addr at;
	int err;

	list_for_each_entry(deed, &iomul_journal, list) {
		if (!deed->held || !deed_leaves(deed) || deed->held->gone)
			continue;
		live = deed->hold ? iomul_hold_borrower(deed->hold) : deed_collides(deed);
		range = live ? live->window :
			deed->hold ? iomul_hold_widened(deed->hold) : IOMUL_RANGE_EMPTY;
		if (iomul_range_empty(range))
			continue;
		at = deed->held->addr;
		list_for_each_entry(slot, &iomul_slots, list)
			if (slot->leaving && (deed->held->slot == slot ||
					      (slot->port.bus == at.bus &&
					       slot->port.devfn == at.devfn)))
				break;
		if (list_entry_is_head(slot, &iomul_slots, list))
			slot = list_first_entry(&iomul_slots, struct iomul_slot, list);
		err = iomul_refuse(refusal, IOMUL_R_LENDER, slot->addr, at);
		refusal->range = range;
		return err;
	}
	return 0;
}

/* What a driver will write back into a function must not be shared ports. */
static int detach_seized(struct iomul_refusal *refusal)
{
	struct iomul_held *held;
	int err;

	list_for_each_entry(held, &iomul_helds, in_all) {
		if (!held_leaves(held) || !iomul_held_seized(held))
			continue;
		err = iomul_refuse(refusal, IOMUL_R_SEIZED,
				   held->slot ? held->slot->addr : held->addr, held->addr);
		strscpy(refusal->who, "pciback", sizeof(refusal->who));
		return err;
	}
	return 0;
}

/* What cannot be reached cannot be put back: somebody took bus numbers of ports above. */
static int detach_astray(struct iomul_refusal *refusal)
{
	struct iomul_held *held;

	list_for_each_entry(held, &iomul_helds, in_all)
		if (held_leaves(held) && held->live && atomic_read(&held->live->astray))
			return iomul_refuse(refusal, IOMUL_R_HARDWARE,
					    held->slot ? held->slot->addr : held->addr, held->addr);
	return 0;
}

static bool live_shrinks(const struct iomul_live *live)
{
	return live->concerned && !live_leaves(live);
}

/* The topology as it will be, to build the trees of the groups that stay, if any does. */
static int detach_trees(void)
{
	struct iomul_snapshot *snap;
	struct iomul_live *live;
	bool any = false;
	int err;
	u32 i;

	list_for_each_entry(live, &iomul_lives, list)
		any |= live_shrinks(live);
	if (!any)
		return 0;
	snap = iomul_snapshot_take();
	if (IS_ERR(snap))
		return PTR_ERR(snap);
	for (i = 0; i < snap->t.nodes; i++) {
		if (!snap->held[i] || !held_leaves(snap->held[i]))
			continue;
		snap->node[i].group = IOMUL_NONE;
		snap->node[i].flags &= ~IOMUL_NODE_SHARED;
		snap->held[i] = NULL;
	}
	err = iomul_topology_init(&snap->t);
	list_for_each_entry(live, &iomul_lives, list) {
		if (!err && live_shrinks(live))
			err = tree_build(live, snap);
	}
	iomul_snapshot_free(snap);
	return err;
}

static void detach_awake(bool awake)
{
	struct iomul_held *held;

	list_for_each_entry(held, &iomul_helds, in_all) {
		if (!held_leaves(held))
			continue;
		if (awake)
			pm_runtime_get_sync(&held->pdev->dev);
		else
			pm_runtime_put(&held->pdev->dev);
	}
}

static void detach_undo(void)
{
	struct iomul_deed *deed, *next;
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list) {
		if (!live->concerned)
			continue;
		iomul_turn_take(live, NULL, false);
		iomul_live_shut(live);
	}
	list_for_each_entry_safe_reverse(deed, next, &iomul_journal, list)
		if (deed_leaves(deed))
			iomul_step_undo(deed);
	iomul_steps_late();
	list_for_each_entry(live, &iomul_lives, list) {
		if (!live->concerned)
			continue;
		if (!live_leaves(live))
			tree_install(live);
		iomul_turn_give(live);
	}
}

static void detach_drop(void)
{
	struct iomul_held *held, *held_next;
	struct iomul_slot *slot, *slot_next;
	struct iomul_live *live, *live_next;
	LIST_HEAD(out);

	list_for_each_entry_safe(held, held_next, &iomul_helds, in_all) {
		if (!held_leaves(held) || iomul_guard_again(held))
			continue;
		if (held->guard || held->was_guard)
			iomul_guard_end(held);
		iomul_held_stop(held);
		list_move_tail(&held->in_all, &out);
	}
	list_for_each_entry(held, &iomul_helds, in_all)
		held->slots -= held->leaving;
	synchronize_rcu();
	list_for_each_entry_safe(held, held_next, &out, in_all)
		iomul_held_free(held);
	list_for_each_entry_safe(live, live_next, &iomul_lives, list)
		if (live_leaves(live))
			live_drop(live);
	list_for_each_entry_safe(slot, slot_next, &iomul_slots, list) {
		if (!slot->leaving)
			continue;
		pr_info("%04x:%02x:%02x detached\n", slot->addr.segment, slot->addr.bus,
			slot->addr.devfn >> 3);
		if (!slot->replaced)
			iomul_event("detached", slot->addr, slot->live->id, 0);
		slot_drop(slot);
	}
}

/* Those that were selected, if @err is 0. */
static int detach_selected(int err, bool force, struct iomul_refusal *refusal)
{
	if (!err)
		err = detach_lenders(refusal);
	if (!err)
		err = detach_seized(refusal);
	if (!err && detach_astray(refusal)) {
		if (force)
			pr_warn("bus numbers above gates of the group of %04x:%02x:%02x lead elsewhere: not put back\n",
				refusal->slot.segment, refusal->slot.bus, refusal->slot.devfn >> 3);
		else
			err = -EIO;
	}
	if (!err)
		err = detach_trees();
	if (err)
		goto out_unmark;
	detach_awake(true);
	detach_undo();
	detach_awake(false);
	detach_drop();
out_unmark:
	lives_settle();
	detach_unmark();
	return err;
}

static int detach_locked(const struct iomul_addr *addr, u32 count, struct iomul_refusal *refusal)
{
	return detach_selected(detach_select(addr, count, refusal), false, refusal);
}

void iomul_detach_replaced(void)
{
	struct iomul_refusal refusal;
	struct iomul_slot *slot;
	bool any = false;

	tree_lock();
	list_for_each_entry(slot, &iomul_slots, list) {
		if (!slot->replaced || slot->users || slot->live->lease)
			continue;
		slot_leave(slot);
		any = true;
	}
	if (any)
		detach_selected(0, false, &refusal);
	tree_unlock();
}

int iomul_detach(const struct iomul_addr *addr, u32 count, struct iomul_refusal *refusal)
{
	int err;

	tree_lock();
	err = detach_locked(addr, count, refusal);
	tree_unlock();
	return err;
}

int iomul_detach_all(bool force, struct iomul_refusal *refusal)
{
	struct iomul_slot *slot;
	int err = 0;

	tree_lock();
	list_for_each_entry(slot, &iomul_slots, list) {
		if (slot->users)
			err = detach_refuse_open(slot, refusal);
		else if (slot->live->lease)
			err = iomul_lease_refuse(slot->live, slot->addr, refusal);
		if (err)
			break;
		slot_leave(slot);
	}
	err = detach_selected(err, force, refusal);
	if (!err)
		iomul_wishes_drop();
	tree_unlock();
	return err;
}

/*
 * A device goes away
 */

static bool slot_empty(const struct iomul_slot *slot)
{
	struct iomul_held *held;

	list_for_each_entry(held, &slot->functions, in_slot)
		if (!held->gone)
			return false;
	return true;
}

/* With the turn: @gate is one with which more has to be done than two config writes. */
static void gate_special(struct iomul_mux *mux, u32 gate)
{
	u32 i;

	for (i = 0; i < mux->slots; i++)
		if (mux->slot[i].last == gate)
			iomul_mux_swappable(mux, i, false);
}

void iomul_held_lost(struct iomul_held *held)
{
	struct iomul_live *live = held->live;

	if (held->guard) {
		iomul_guard_lost(held);
		return;
	}
	if (!live) {	/* all below went before */
		held->gone = true;
		iomul_held_stop(held);
		return;
	}
	iomul_turn_take(live, NULL, false);
	if (held->gate != IOMUL_NONE) {
		iomul_mux_forget_gate(&live->tree.mux, held->gate);
		gate_special(&live->tree.mux, held->gate);
	}
	if (held->gate != IOMUL_NONE || held->slot)
		iomul_held_decode(held, false);
	if (held->user)
		iomul_user_lose(held->user);
	held->gone = held->special = true;
	live->events++;
	trace_iomul_event(live->id, held->addr);
	iomul_steps_orphan(held);
	iomul_live_shut(live);
	iomul_turn_give(live);
	iomul_held_unbound(held);
	iomul_held_stop(held);
	if (held->slot)
		held->slot->gone = slot_empty(held->slot);
	if (held->slot && held->slot->gone) {
		iomul_event("gone", held->slot->addr, live->id, 0);
		iomul_lease_lost(held->slot);
	}
	wake_up_all(&live->lease_over);	/* @held's user need not wait any more */
	pci_info(held->pdev, "iomul: removed while it shares group %u%s\n", live->id,
		 held->user ? "; its user gets ENODEV from now on" : "");
}

void iomul_touch_all(void)
{
	struct iomul_held *held;
	struct iomul_live *live;

	mutex_lock(&iomul_lock);
	list_for_each_entry(held, &iomul_helds, in_all)
		if (!held->gone)
			iomul_held_touch(held);
	list_for_each_entry(held, &iomul_helds, in_all)
		if (held->guard)
			iomul_guard_mend(held);
	/* A host driver does not wait until we have looked. */
	list_for_each_entry(live, &iomul_lives, list) {
		if (!live->lease)
			continue;
		iomul_turn_take(live, NULL, false);
		iomul_live_settle(live);
		iomul_live_shut(live);
		iomul_turn_give(live);
	}
	mutex_unlock(&iomul_lock);
}

/* A host driver keeps its ports: it may have a cache to flush as it is shut down. */
void iomul_stop_all(void)
{
	struct iomul_live *live;
	struct iomul_slot *slot;

	mutex_lock(&iomul_lock);
	list_for_each_entry(live, &iomul_lives, list) {
		iomul_turn_take(live, NULL, false);
		if (READ_ONCE(live->touched))
			iomul_live_settle(live);
		list_for_each_entry(slot, &iomul_slots, list)
			if (slot->live == live && slot != live->lessee)
				slot_set_index(slot, IOMUL_UNREACHABLE);
		iomul_live_shut(live);
		iomul_turn_give(live);
	}
	mutex_unlock(&iomul_lock);
}

/*
 * Status
 */

static bool addr_equal(struct iomul_addr a, struct iomul_addr b)
{
	return a.segment == b.segment && a.bus == b.bus && a.devfn == b.devfn;
}

static u32 mux_levels(const struct iomul_mux *mux)
{
	u32 i, levels = 0;

	for (i = 0; i < mux->slots; i++)
		levels = max(levels, mux->slot[i].depth);
	return levels;
}

struct iomul_count iomul_slot_count(const struct iomul_slot *slot)
{
	struct iomul_count n = slot->count;
	const struct iomul_held *held;

	list_for_each_entry(held, &slot->functions, in_slot) {
		if (!held->user)
			continue;
		n.accesses += held->user->count.accesses;
		n.switches += held->user->count.switches;
	}
	return n;
}

static void live_count(const struct iomul_live *live, struct iomul_group_status *s)
{
	const struct iomul_slot *slot;
	struct iomul_count n;

	s->accesses = live->count.accesses;
	s->switches = live->count.switches;
	list_for_each_entry(slot, &iomul_slots, list) {
		if (slot->live != live)
			continue;
		n = iomul_slot_count(slot);
		s->accesses += n.accesses;
		s->switches += n.switches;
	}
	s->config_writes = live->config_writes + 2 * (s->switches - live->routed);
}

void iomul_group_status(const struct iomul_live *live, struct iomul_group_status *s)
{
	u32 owner = READ_ONCE(live->tree.mux.owner);

	*s = (struct iomul_group_status){
		.id = live->id,
		.slots = live->slots,
		.window = live->window,
		.gates = live->tree.mux.gates,
		.levels = mux_levels(&live->tree.mux),
		.events = live->events,
		.foreign_writes = atomic64_read(&live->foreign_writes),
		.repairs = live->repairs,
	};
	live_count(live, s);
	s->anchor = live_anchor(live, &s->anchor_root);
	if (owner == IOMUL_NONE || !live->tree.slot[owner])
		return;
	s->has_owner = 1;
	s->owner = live->tree.slot[owner]->addr;
}

/* Does @slot's own range carry a group? Its own, or that of a port only it needs. */
static bool slot_lends(const struct iomul_slot *slot)
{
	struct iomul_deed *deed;

	list_for_each_entry(deed, &iomul_journal, list) {
		if (!deed->hold || !iomul_hold_borrower(deed->hold))
			continue;
		if (deed->held->slot == slot ||
		    (!deed->held->slot && addr_equal(deed->held->addr, slot->port)))
			return true;
	}
	return false;
}

void iomul_slot_status(const struct iomul_slot *slot, struct iomul_slot_status *s)
{
	const struct iomul_mux *mux = &slot->live->tree.mux;
	struct iomul_count n = iomul_slot_count(slot);
	struct iomul_held *held;

	*s = (struct iomul_slot_status){
		.addr = slot->addr,
		.group = slot->live->id,
		.port = slot->port,
		.users = slot->users,
		.accesses = n.accesses,
		.switches = n.switches,
		.waits = slot->waits,
		.wait_ns = slot->wait_ns,
		.most_passed = slot->most_passed,
		.errors = slot->errors,
	};
	list_for_each_entry(held, &slot->functions, in_slot) {
		s->functions++;
		if (held->gate != IOMUL_NONE)
			s->flags |= IOMUL_SLOT_FUNCTION_GATE;
	}
	if (slot->index != IOMUL_UNREACHABLE) {
		s->depth = mux->slot[slot->index].depth;
		if (READ_ONCE(mux->owner) == slot->index)
			s->flags |= IOMUL_SLOT_OWNER;
	}
	if (slot->gone)
		s->flags |= IOMUL_SLOT_GONE;
	if (slot->live->stranded)
		s->flags |= IOMUL_SLOT_STRANDED;
	if (slot_lends(slot))
		s->flags |= IOMUL_SLOT_LENDER;
	strscpy(s->who, slot_user(slot), sizeof(s->who));
	if (!iomul_lease_who(slot))
		return;
	s->flags |= IOMUL_SLOT_LEASED;
	if (!*s->who)
		strscpy(s->who, iomul_lease_who(slot), sizeof(s->who));
}

size_t iomul_slot_bytes(void)
{
	size_t bytes = iomul_filters_bytes();
	struct iomul_slot *slot;
	struct iomul_held *held;
	struct iomul_live *live;
	struct iomul_deed *deed;
	u32 slots = 0;

	list_for_each_entry(slot, &iomul_slots, list) {
		slots++;
		bytes += sizeof(*slot);
	}
	list_for_each_entry(held, &iomul_helds, in_all)
		bytes += sizeof(*held);
	list_for_each_entry(live, &iomul_lives, list)
		bytes += sizeof(*live) + live->tree.bytes;
	list_for_each_entry(deed, &iomul_journal, list)
		bytes += sizeof(*deed) + (deed->hold ? sizeof(*deed->hold) : 0);
	return slots ? bytes / slots : 0;
}

/*
 * Who goes back to sleep is put right first: the kernel saves what is there, and writes it again
 * whenever it wakes, over what an access had put right meanwhile.
 */
static void live_verify(struct iomul_live *live, bool repair, struct iomul_verify *v)
{
	struct iomul_tree *tree = &live->tree;
	struct iomul_held *held;
	bool mend = repair;
	u32 i, before;

	for (i = 0; i < tree->helds; i++) {
		held = tree->held[i];
		before = v->out_wrong;
		iomul_held_verify(held, &v->out_checked, &v->out_wrong);
		if (v->out_wrong == before)
			continue;
		if (!before)
			v->out_first = held->addr;
		mend |= held->woken;
		if (repair || held->woken)
			live->repairs += v->out_wrong - before;
	}
	if (mend && READ_ONCE(live->touched)) {
		iomul_live_settle(live);
		iomul_live_shut(live);
	}
}

/* Widened ports and guards are in no group's tree. */
static void others_verify(bool repair, struct iomul_verify *v)
{
	struct iomul_held *held;
	u32 before;

	list_for_each_entry(held, &iomul_helds, in_all) {
		if ((!held->window_only && !held->guard) || iomul_held_given_up(held))
			continue;
		before = v->out_wrong;
		iomul_held_verify(held, &v->out_checked, &v->out_wrong);
		if (v->out_wrong == before)
			continue;
		if (!before)
			v->out_first = held->addr;
		if (!repair && !held->woken)
			continue;
		if (held->guard)
			iomul_guard_mend(held);
		else
			iomul_held_widen(held, held->window);
	}
}

/* What is behind a port that sleeps reads as all ones. */
static void helds_awake(bool awake)
{
	struct iomul_held *held;

	list_for_each_entry(held, &iomul_helds, in_all)
		held->woken = awake && !pm_runtime_active(&held->pdev->dev);
	list_for_each_entry(held, &iomul_helds, in_all) {
		if (awake)
			pm_runtime_get_sync(&held->pdev->dev);
		else
			pm_runtime_put(&held->pdev->dev);
	}
}

int iomul_verify(bool repair, struct iomul_verify *v)
{
	struct iomul_live *live;
	int err = 0;

	mutex_lock(&iomul_lock);
	helds_awake(true);
	list_for_each_entry(live, &iomul_lives, list) {
		err = iomul_turn_take(live, NULL, true);
		if (err)
			break;
		live_verify(live, repair, v);
		iomul_turn_give(live);
	}
	if (!err)
		others_verify(repair, v);
	helds_awake(false);
	mutex_unlock(&iomul_lock);
	return err;
}
