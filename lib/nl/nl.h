/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the kernel's rtnetlink.
 *
 * A batch collects messages; the verbs of link.h, naddr.h, route.h, neigh.h and tcf.h each write one into it, and nothing
 * happens before the commit. A commit is one sendmsg, and one recvmsg when all went well: the kernel works through the
 * messages in order while sendmsg runs and reports failures unasked, so only the last message asks for an
 * acknowledgement. A failed message does not stop those after it.
 *
 * A socket belongs to the network namespace that it was opened in, whatever the caller enters later.
 */
#ifndef WR_NL_NL_H
#define WR_NL_NL_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

struct nl_msg; /* libnl's */

struct wr_nl {
	int fd; /* -1: closed */
	uint32_t seq;
};
#define WR_NL_INIT ((struct wr_nl){ .fd = -1 })
#define wr_auto_nl wr_cleanup(wr_nl_close) struct wr_nl

int wr_nl_open(struct wr_nl *ret); /* in the caller's network namespace */
void wr_nl_close(struct wr_nl *nl);

/* What of a message counts as success beside success itself. */
enum wr_nl_tolerate {
	WR_NL_MAY_EXIST = 1 << 0, /* EEXIST */
	WR_NL_MAY_MISS = 1 << 1,  /* ENODEV, ENOENT, ESRCH, EADDRNOTAVAIL, ENXIO */
	WR_NL_MAY_LACK = 1 << 2, /* EOPNOTSUPP, EAFNOSUPPORT, EPROTONOSUPPORT: not in this kernel */
	WR_NL_NO_PARENT = 1 << 3, /* EINVAL: what the kernel says of a filter without its discipline */
};

struct wr_nl_op {
	struct nl_msg *msg;
	unsigned int tolerate; /* enum wr_nl_tolerate */
	bool answers;          /* a get: its answer stands for the acknowledgement */
};

struct wr_nl_batch {
	WR_VEC(struct wr_nl_op) ops;
	int error; /* of building a message; the commit returns it and sends nothing */
};
#define WR_NL_BATCH_INIT ((struct wr_nl_batch){ 0 })
#define wr_auto_nl_batch wr_cleanup(wr_nl_batch_done) struct wr_nl_batch

void wr_nl_batch_done(struct wr_nl_batch *b);

/* Called with each answer to a get. Its result is the commit's when negative. */
typedef int (*wr_nl_answer)(void *ctx, const struct nlmsghdr *msg);

/*
 * Sends the batch and empties it. Returns the first failure that was not tolerated; @err then says which object, what the
 * kernel called it and the kernel's own words (extended acknowledgement). Long batches go out in several pieces, all of them
 * whatever fails.
 */
int wr_nl_commit(struct wr_nl *nl, struct wr_nl_batch *b, struct wr_err *err);
int wr_nl_commit_get(struct wr_nl *nl, struct wr_nl_batch *b, wr_nl_answer fn, void *ctx,
		     struct wr_err *err);

/*
 * Sends one dump request (consumed) and calls @fn for each row. -EAGAIN: the kernel's table changed meanwhile and rows may
 * be missing or double; ask again. @fn's negative result ends the dump's reporting, not its reading.
 */
int wr_nl_dump(struct wr_nl *nl, struct nl_msg *msg, wr_nl_answer fn, void *ctx);

#endif
