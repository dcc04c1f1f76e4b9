/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node's real programs and maps, loaded unpinned, for the policy tests: what the compiler says goes where the agent puts
 * it, and packets are judged by the programs themselves. Subjects are the pods of this node; every other address is reached
 * through one next hop, so that nothing but policy drops a packet.
 */
#ifndef WR_TESTS_UNIT_POLICY_KERNEL_H
#define WR_TESTS_UNIT_POLICY_KERNEL_H

#include "agent/policy/policy.h"

struct pk;

/* cmocka's group setup and teardown: a network namespace with an interface for each subject that there may be. */
int pk_enter(void **state);
int pk_leave(void **state);

struct pk *pk_open(void);
void pk_close(struct pk *k);

int pk_put_rules(struct pk *k, const struct wr_policy_row *rows, size_t n);
int pk_del_rules(struct pk *k, const struct wr_policy_row *rows, size_t n);
void pk_put_peer(struct pk *k, const struct wr_prefix *prefix, uint32_t who);
void pk_del_peer(struct pk *k, const struct wr_prefix *prefix);
int pk_flush_peers(struct pk *k);
/* A zero @addr4: the subject has gone. Closed until its word is put. */
void pk_subject(struct pk *k, uint32_t number, const struct wr_addr *addr4,
		const struct wr_addr *addr6);
int pk_put_identity(struct pk *k, uint32_t number, uint32_t identity4, uint32_t identity6);
int pk_put_word(struct pk *k, uint32_t number, uint64_t word);
/* A range of pods, all unknown until somebody says more. */
void pk_range(struct pk *k, const struct wr_prefix *prefix, bool is_range);

struct pk_packet {
	struct wr_addr src, dst;
	uint8_t proto; /* ICMP: an echo request */
	uint16_t port;
	uint16_t from; /* source port, or an echo's identifier; 0: always the same one of this source */
};
/* The first packet of a flow, or the next of one that was allowed before: out of the pod, or to it from elsewhere. 0: it passes; else the reason. */
uint32_t pk_from_pod(struct pk *k, uint32_t number, const struct pk_packet *q);
uint32_t pk_to_pod(struct pk *k, uint32_t number, const struct pk_packet *q);

/* To standard error: what the maps say of the packet, for a test that fails. */
void pk_explain(const struct pk *k, uint32_t number, const struct pk_packet *q);

#endif
