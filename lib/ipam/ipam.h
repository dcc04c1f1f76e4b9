/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of this node's pods. The store is a directory shared by concurrent plugins and the agent
 * (<state>/ipam), guarded by one flock; it survives SIGKILL at any instruction. A reservation belongs to an attachment
 * (network, container, interface). A released address rests (60 s by default) while others are free, and
 * allocation goes round the pool rather than back to the lowest.
 *
 * The first two addresses of an IPv4 range (network, and by custom the gateway) and the last (broadcast) are never given
 * (ranges of /31 and /32 excepted); of an IPv6 range the first two (/127 and /128 excepted). An IPv6 range
 * shorter than /64 is used as far as its first /64.
 */
#ifndef WR_IPAM_IPAM_H
#define WR_IPAM_IPAM_H

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/model/endpoint.h"

struct wr_ipam; /* an open, locked store */

struct wr_ipam_lease {
	struct wr_attachment id;
	struct wr_addr addr;
	uint64_t since_ms; /* Unix epoch; of a resting one: when it was released */
	bool resting;      /* released, not given again yet */
};

struct wr_ipam_request {
	const struct wr_prefix *pools; /* in order of preference; a full one falls through to the next of its family */
	size_t n_pools;
	const struct wr_addr *taken; /* by others, who are not in the store: not given */
	size_t n_taken;
	bool want4, want6; /* families that must be given */
	struct wr_addr fixed4,
		fixed6; /* zero: any; else this address (runtimeConfig.ips): wanted, in a pool, not held; may rest */
};

struct wr_ipam_result {
	struct wr_addr addr4, addr6; /* zero: not asked for */
};

/* Opens and locks (waits for the lock at most 10 s: -EAGAIN). Creates the directory. */
int wr_ipam_open(const char *dir, struct wr_ipam **ret, struct wr_err *err);
/* The same for whoever must not wait: -EAGAIN at once while somebody else has it. */
int wr_ipam_try_open(const char *dir, struct wr_ipam **ret, struct wr_err *err);
void wr_ipam_close(struct wr_ipam *ipam); /* unlocks */
#define wr_auto_ipam __attribute__((cleanup(wr_ipam_close_p))) struct wr_ipam
static inline void wr_ipam_close_p(struct wr_ipam **p)
{
	if (*p)
		wr_ipam_close(*p);
}
void wr_ipam_set_rest_ms(struct wr_ipam *ipam, uint64_t ms);

/*
 * All families or nothing. The same attachment again gets the same addresses. -ENOSPC (CNI code 11) names the pool that is
 * exhausted and how many it holds; -EADDRINUSE (CNI code 11 too) a fixed address and its owner, or an attachment that holds
 * another one already; -ERANGE (CNI code 7) one that no pool can give.
 */
int wr_ipam_allocate(struct wr_ipam *ipam, const struct wr_attachment *id,
		     const struct wr_ipam_request *req, struct wr_ipam_result *ret,
		     struct wr_err *err);
/* Unknown is success (0); returns the number of addresses released. */
int wr_ipam_release(struct wr_ipam *ipam, const struct wr_attachment *id, struct wr_err *err);
/* -ENOENT: no reservation. */
int wr_ipam_get(struct wr_ipam *ipam, const struct wr_attachment *id, struct wr_ipam_result *ret);
struct wr_ipam_leases {
	WR_VEC(struct wr_ipam_lease) v;
};
/* Everything in the store, sorted by address; for GC, the CLI and the agent. */
int wr_ipam_dump(struct wr_ipam *ipam, struct wr_ipam_leases *ret, struct wr_err *err);
void wr_ipam_leases_done(struct wr_ipam_leases *l);

#endif
