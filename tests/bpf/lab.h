/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One node as its programs see it: real objects, loaded unpinned through lib/dp, in a network namespace with the
 * interfaces that test runs name.
 *
 *	pods      number 5: 10.0.1.5, fd00:1::5; 6: .6; 7: .7     node      192.168.0.1, fd00:99::1
 *	node 2    10.0.2.0/24, fd00:2::/64, direct                node 3    10.0.3.0/24, fd00:3::/64, VXLAN
 *	outside   the rest, masqueraded behind the node's addresses
 */
#ifndef WR_TESTS_BPF_LAB_H
#define WR_TESTS_BPF_LAB_H

#include <linux/bpf.h>

#include "bpf/abi/flow.h"
#include "bpf/abi/policy.h"
#include "bpf/abi/reason.h"
#include "lib/dp/tables.h"
#include "tests/bpf/packet.h"

#define LAB_HZ     250
#define LAB_SHARDS 2
#define LAB_MARK   0x100u
#define LAB_MTU    1500
#define LAB_VXLAN  8472

enum lab_verdict {
	LAB_PASS = -1,
	LAB_DROP = 2,
	LAB_REDIRECT = 7,
};

enum lab_nexthop {
	LAB_NODE2_V4 = WR_NEXTHOP_FIRST,
	LAB_NODE2_V6,
	LAB_NODE3_V4,
	LAB_NODE3_V6,
};

enum lab_identity {
	LAB_WEB = 20, /* pods 5 */
	LAB_DB,       /* pods 6 and what is on node 2 */
	LAB_OTHER,    /* pods 7 and what is on node 3 */
};

struct lab {
	struct wr_dp *dp;
	uint32_t pod[8]; /* interface of the pod of that number */
	uint32_t uplink, overlay;
	uint32_t run_flags; /* BPF_F_TEST_*, for every run */
	/* of the last run */
	struct packet out;
	uint32_t mark;
};

/* cmocka's group setup and teardown: the namespace with its interfaces. */
int lab_enter(void **state);
int lab_leave(void **state);
int lab_far(void); /* the namespace that the veths' other ends (pod5x, uplinkx, ...) are in */
/* Loads anew, with these switches (0: what a node has that routes both ways and balances at sockets). */
struct lab *lab_open(uint32_t switches);
/* The configuration may be changed first. */
struct wr_dp_options lab_options(uint32_t switches);
extern uint32_t lab_more_switches; /* on in every load */
struct lab *lab_open_with(const struct wr_dp_options *opt);
void lab_close(struct lab *lab);

const uint8_t *lab_pod_mac(uint32_t pod);
const uint8_t *lab_host_mac(uint32_t pod);
const uint8_t *lab_uplink_mac(void);
const uint8_t *lab_router_mac(void);

/* Runs a program on the packet; the result is in lab->out and lab->mark. */
int lab_run_fd(struct lab *lab, int prog_fd, const struct packet *in, struct __sk_buff ctx);
int lab_run(struct lab *lab, const char *prog, const struct packet *in, uint32_t ifindex);
/* The run flag with which the receiving device has summed up the packet (CHECKSUM_COMPLETE), and the run fails where that is not true at its
 * end; 0: the kernel is older than 6.16. */
uint32_t lab_complete(const struct lab *lab);
/* As the node's own (no interface that it came in by) or marked as judged. */
int lab_run_as(struct lab *lab, const char *prog, const struct packet *in, uint32_t ifindex,
	       uint32_t came_in, uint32_t mark, uint32_t gso_size);

/* From the pod that has the source address, through pod egress. */
int lab_from_pod(struct lab *lab, const struct shape *s);
/* Through the uplink. */
int lab_from_outside(struct lab *lab, const struct shape *s);
int lab_to_uplink(struct lab *lab, const struct shape *s); /* the node's own, out */
int lab_to_pod(struct lab *lab, const struct shape *s);    /* the node's own, to a pod */
struct seen lab_out(const struct lab *lab);

/* The flow between these ends, in either order; false: none. *ret_promoted may be NULL. */
bool lab_flow(const struct lab *lab, const char *a, uint16_t port_a, const char *b, uint16_t port_b,
	      struct wr_flow *ret);
uint32_t lab_promoted(const struct lab *lab);
uint32_t lab_unproven(const struct lab *lab);
uint64_t lab_drops(const struct lab *lab, uint32_t reason);
/* The handshake of a connection from a pod to another end, both ways seen; promoted at its end. */
void lab_handshake(struct lab *lab, const struct shape *s);

/* A ruleset of one row each: peer (WR_RULE_ANY_PEER), direction, protocol, port; allowed. */
void lab_allow(struct lab *lab, uint32_t ruleset, enum wr_dir dir, uint32_t peer, uint8_t proto,
	       uint16_t port, uint32_t rule);
void lab_policy(struct lab *lab, uint32_t pod, uint64_t word);

#endif
