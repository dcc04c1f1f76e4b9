/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of the caller's network namespace by where they are connected to. Only the agent links this (libmnl).
 */
#ifndef WR_NL_SOCKDIAG_H
#define WR_NL_SOCKDIAG_H

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

struct wr_sock {
	struct wr_addr src, dst;
	uint16_t src_port, dst_port; /* host byte order */
	uint8_t family;              /* the socket's own: AF_INET6 ones reach IPv4, too */
	uint8_t proto;
	uint8_t state; /* TCP_ESTABLISHED, ... */
	uint32_t uid, inode, ifindex;
	uint64_t cookie;
};

struct wr_socks {
	WR_VEC(struct wr_sock) v;
};
#define wr_auto_socks wr_cleanup(wr_socks_done) struct wr_socks
void wr_socks_done(struct wr_socks *s);

/*
 * Connected sockets of @proto (IPPROTO_TCP, IPPROTO_UDP) whose other end is @dst and @port (0: any port). Listening, unconnected
 * and time-wait ones are not among them.
 */
int wr_sockdiag_list(uint8_t proto, const struct wr_addr *dst, uint16_t port, struct wr_socks *ret,
		     struct wr_err *err);
/*
 * Makes them fail with ECONNABORTED at their next call, as `ss -K` does; a TCP peer gets a reset. One that closed meanwhile is
 * success. -EOPNOTSUPP: the kernel lacks CONFIG_INET_DIAG_DESTROY.
 */
int wr_sockdiag_destroy(uint8_t proto, const struct wr_addr *dst, uint16_t port, size_t *ret_n,
			struct wr_err *err);

#endif
