/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peers of the datapath (maps wr_peers and wr_peer_prefixes) as two layers that different reconcilers own: the way to a
 * prefix (nodes) and the identity of a prefix (endpoints, nodes, policies). A row of the map holds both, so the layers are
 * merged here: a prefix that has only one of them takes the other from the longest prefix around it that has it.
 *
 * What was in the kernel at open is kept until every owner has said that its first list is complete.
 */
#ifndef WR_AGENT_PEERS_H
#define WR_AGENT_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/dp/dp.h"

struct wr_peers;

enum wr_peers_owner {
	WR_PEERS_NODES,
	WR_PEERS_ENDPOINTS,
	WR_PEERS_POLICIES,
	WR_PEERS_OWNER_MAX,
};

/* Reads what is in force. */
int wr_peers_open(struct wr_dp *dp, struct wr_peers **ret, struct wr_err *err);
void wr_peers_close(struct wr_peers *p);

/* Nothing reaches the kernel before wr_peers_sync. @flags: enum wr_peer_flags. */
void wr_peers_put_way(struct wr_peers *p, const struct wr_prefix *prefix, uint32_t nexthop,
		      uint32_t flags);
void wr_peers_del_way(struct wr_peers *p, const struct wr_prefix *prefix);
void wr_peers_put_identity(struct wr_peers *p, const struct wr_prefix *prefix, uint32_t identity);
void wr_peers_del_identity(struct wr_peers *p, const struct wr_prefix *prefix);
/* The owner has named all that it wants: what nobody wants may go. */
/* What policies can tell apart goes before what the others know of the same prefix. Until policies are complete, the rows
 * that were found keep the identities that the run before has given them. @who: WR_WHO(). */
void wr_peers_put_policy(struct wr_peers *p, const struct wr_prefix *prefix, uint32_t who);
void wr_peers_del_policy(struct wr_peers *p, const struct wr_prefix *prefix);
void wr_peers_complete(struct wr_peers *p, enum wr_peers_owner owner);

/* Writes what changed: new and changed rows first, then those that go. Costs what changed, and one walk when a prefix
 * that may cover others did. Goes on past failures and returns the first; failed rows are tried again by the next sync. */
int wr_peers_sync(struct wr_peers *p, struct wr_err *err);
/* Compares with the kernel itself: for the full pass. */
int wr_peers_verify(struct wr_peers *p, struct wr_err *err);
size_t wr_peers_count(const struct wr_peers *p);

#endif
