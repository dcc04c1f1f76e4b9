/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domain names that rules of ClusterNetworkPolicies name as peers, by the answers that pods of this node get from name servers.
 *
 * An answer to a pod whose rules name domains is taken out of its way by the programs (bpf/include/names.h), over UDP or TCP, whole or
 * in fragments. If a believed server gave it, each address in it has the names of the question and its aliases until the answer's
 * time to live and a few seconds have passed; what is new is put in force; then the answer is sent on to the pod. So the pod cannot use
 * an address before it is allowed. All pods here share what one has asked, since only believed servers count: those that the
 * configuration names (nameServers), else the endpoints of the Service kube-system/kube-dns, the node itself, and what the agent's
 * /etc/resolv.conf says.
 *
 * When an address' time is over nothing begins by its names any more; connections that did go on, and for as long as any with the
 * address are tracked the names are kept for them (wr_policy_retire). Names say nothing of pods' addresses.
 * What is in force is kept in <run>/domains, a line for each change, so that an agent that starts again cuts nothing off. While the
 * agent is away, or its thread is busy for longer than its lease, answers go to pods at once: new addresses are closed until the agent is
 * back and has read its copy of them.
 *
 * Bounded: addresses with names, altogether and by the pod that asked; connections to servers over TCP, datagrams in fragments;
 * answers that wait in the event buffer. What does not fit is closed, counted, and said by `weir status` and the log, for addresses
 * by an Event of the pod, too.
 */
#ifndef WR_AGENT_DOMAINS_H
#define WR_AGENT_DOMAINS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/json/json.h"

struct wr_agent;
struct wr_domains;
struct wr_policy;

int wr_domains_start(struct wr_agent *a, struct wr_err *err);
void wr_domains_stop(struct wr_agent *a);

/* An event WR_EVENT_DNS of the programs. */
void wr_domains_take(struct wr_agent *a, const void *data, size_t size);
/* Policies are in force, and may name domains now, or none any more. */
void wr_domains_follow(struct wr_agent *a);

/* All that is known, into another compilation. */
void wr_domains_bind_all(const struct wr_agent *a, struct wr_policy *policy);
/* The names that new connections with the address may use, as an array. */
struct wr_json *wr_domains_names_of(const struct wr_agent *a, const struct wr_addr *addr);
/* "get domains" */
struct wr_json *wr_domains_encode(const struct wr_agent *a);

/* Sentences about what did not fit, for `weir status`. */
void wr_domains_warn(const struct wr_agent *a, struct wr_json *list);

struct wr_domains_counts {
	/* Answers, by what came of them; refused: not all of their addresses found room. */
	uint64_t learnt, plain, strange, malformed, refused, late, unheard;
	size_t addresses; /* with names, each as often as it has one */
};
struct wr_domains_counts wr_domains_counts(const struct wr_agent *a);

#endif
