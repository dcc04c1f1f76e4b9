/* SPDX-License-Identifier: Apache-2.0 */
/* Talking to the agent, and living with its absence. */
#ifndef WR_CNI_AGENT_H
#define WR_CNI_AGENT_H

#include "cni/plugin.h"
#include "lib/wire/wire.h"

/* How long an agent may be away before STATUS says so, and how long ADD waits for it. */
#define WR_CNI_GRACE_MS    30000
#define WR_CNI_REGISTER_MS 60000
#define WR_CNI_ANSWER_MS   5000

/* Connects and sends the greeting, whose answer is for wr_cni_agent_greet: -1 when that fails. */
int wr_cni_agent_begin(const struct wr_cni *cni);
/*
 * Greets, on a connection that was begun (*fd) or else (-1) on a new one, until the agent answers that it can serve an ADD, for at
 * most @wait_ms. Code 11: it is away or not ready, and why.
 */
int wr_cni_agent_greet(const struct wr_cni *cni, uint64_t wait_ms, int *fd, struct wr_hello *ret,
		       struct wr_err *err);
/*
 * Release, or a tombstone when that cannot be had in time. In two halves, since there is something to do meanwhile: begin
 * returns what end wants (and closes).
 */
int wr_cni_agent_release_begin(const struct wr_cni *cni, const struct wr_attachment *id);
int wr_cni_agent_release_end(const struct wr_cni *cni, const struct wr_attachment *id, int begun,
			     struct wr_err *err);

/*
 * The last time that the agent could serve an ADD is the modification time of <state>/last-contact. touch: now.
 * in_grace: that, or the machine's start, is less than WR_CNI_GRACE_MS ago.
 */
void wr_cni_contact_touch(const struct wr_paths *paths);
bool wr_cni_contact_in_grace(const struct wr_paths *paths);

#endif
