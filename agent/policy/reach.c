// SPDX-License-Identifier: Apache-2.0
/* Where known policies could select a pod whose labels nobody knows yet. */
#include "agent/policy/private.h"
#include "lib/base/cleanup.h"

static bool could_have(const struct wr_policy *p, const struct space *space)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->pols, n, pos, next)
		if (match_could_have(&WR_CONTAINER_OF(n, struct pol, node)->subject, space))
			return true;
	return false;
}

bool wr_policy_could_select(const struct wr_policy *p, const char *ns)
{
	const struct space *space = space_find(p, ns);
	struct space unknown = { .own_name = { wr_istr_get("kubernetes.io/metadata.name"),
					       wr_istr_get(ns) } };
	bool could;

	unknown.name = unknown.own_name.value;
	could = could_have(p, space ? space : &unknown);
	wr_istr_put(unknown.own_name.key);
	wr_istr_put(unknown.own_name.value);
	return could;
}

static void each_space_of(const struct wr_policy *p, const struct match *subject,
			  wr_policy_reach_fn fn, void *ctx)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->spaces, n, pos, next) {
		const struct space *space = WR_CONTAINER_OF(n, struct space, node);

		if (!subject || match_could_have(subject, space))
			fn(ctx, space->name, subject != NULL);
	}
}

void wr_policy_each_reached(const struct wr_policy *p, wr_policy_reach_fn fn, void *ctx)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->pols, n, pos, next) {
		const struct match *subject = &WR_CONTAINER_OF(n, struct pol, node)->subject;

		if (subject->ns)
			fn(ctx, subject->ns, true);
		else
			each_space_of(p, subject, fn, ctx);
	}
	each_space_of(p, NULL, fn, ctx);
}

bool wr_policy_reaches_anywhere(const struct wr_policy *p)
{
	struct wr_hnode *n, *next;
	size_t pos;

	wr_hmap_each(&p->pols, n, pos, next)
		if (!WR_CONTAINER_OF(n, struct pol, node)->subject.ns)
			return true;
	return false;
}

bool wr_policy_take_reach_changed(struct wr_policy *p)
{
	bool changed = p->reach_changed;

	p->reach_changed = false;
	return changed;
}
