/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the domain names share. */
#ifndef WR_AGENT_DOMAINS_PRIVATE_H
#define WR_AGENT_DOMAINS_PRIVATE_H

#include <stdbool.h>

#include "agent/agent.h"
#include "agent/domains.h"
#include "agent/obj/intern.h"
#include "bpf/abi/endpoint.h"
#include "bpf/abi/event.h"
#include "lib/base/hmap.h"
#include "lib/base/vec.h"

/* ---- domains_table.c: addresses and their names, and the journal of them ------------------------------ */

#define WR_BINDINGS_MAX          16384
#define WR_BINDINGS_OF_ASKER_MAX 4096

struct wr_binding {
	struct wr_hnode node; /* by both */
	struct wr_addr addr;
	wr_istr name;
	uint64_t until_ms; /* of CLOCK_BOOTTIME */
	uint32_t asker; /* number of the endpoint that asked first; WR_EP_NONE: in the run before */
	bool over;      /* its time is: it is there for the connections that began by it */
	bool used;      /* there are some, as far as the look under way has seen */
	uint64_t look_ms; /* when they are looked for again; of an over one */
};

struct wr_binding_table {
	struct wr_hmap bindings;
	WR_VEC(uint32_t) of_asker;
	char *file;
	int fd; /* the journal, to append to; -1: none yet */
	size_t lines;
};

enum wr_binding_result {
	WR_BINDING_FULL,
	WR_BINDING_KNOWN, /* it was there; its time may be longer now */
	WR_BINDING_NEW,   /* or its time was over */
};

/* Reads what the run before has left. A journal that cannot be read or written is reported by the caller, and done without. */
int wr_binding_table_open(struct wr_binding_table *t, const char *file);
void wr_binding_table_close(struct wr_binding_table *t);
enum wr_binding_result wr_binding_put(struct wr_binding_table *t, const struct wr_binding *given);
void wr_binding_del(struct wr_binding_table *t, struct wr_binding *b);
struct wr_binding *wr_binding_of(struct wr_hnode *n);

/* ---- domains_packet.c: messages in packets ------------------------------------------------------------- */

struct wr_dns_streams; /* of TCP, and datagrams in fragments */

struct wr_dns_sink {
	void *ctx;
	void (*message)(void *ctx, const uint8_t *msg, size_t size);
};

enum wr_packet_fate {
	WR_PACKET_GOES, /* on to its pod */
	WR_PACKET_LOST, /* TCP will send it again */
};

struct wr_dns_streams *wr_dns_streams_new(void);
void wr_dns_streams_free(struct wr_dns_streams *s);
/* An IP packet: calls the sink for each whole message that ends in it. @now_ms: any clock. */
enum wr_packet_fate wr_dns_streams_take(struct wr_dns_streams *s, const uint8_t *packet, size_t size,
					uint64_t now_ms, const struct wr_dns_sink *sink);

/* Where the IP packet's parts are. -EBADMSG: it is none. */
struct wr_ip_parts {
	struct wr_addr src, dst;
	uint8_t proto;
	bool fragment, more; /* more: others follow */
	uint32_t id, offset; /* of a fragment: bytes */
	size_t l4, end;      /* where the transport header begins, and where the packet ends */
};
int wr_ip_parse(const uint8_t *packet, size_t size, struct wr_ip_parts *ret);

/* ---- domains_send.c: packets to pods --------------------------------------------------------------------- */

int wr_pod_socket_open(uint32_t mark, int *ret_fd); /* -EPERM: CAP_NET_RAW is missing */
/* A whole packet with its transport checksum complete or the pseudo header's. Changes its bytes. */
int wr_pod_send(int fd, const struct wr_endpoint *ep, uint8_t *packet, size_t size,
		uint32_t gso_size);

/* ---- domains_servers.c: whose answers are believed ----------------------------------------------------- */

struct wr_name_servers {
	const struct wr_agent *agent;
	WR_VEC(struct wr_addr) addrs; /* of the cluster's own and of resolv.conf */
	bool stale;
	uint64_t read_ms;
};
void wr_name_servers_init(struct wr_name_servers *s, struct wr_agent *a);
void wr_name_servers_done(struct wr_name_servers *s);
bool wr_name_servers_has(struct wr_name_servers *s, const struct wr_addr *addr);

/* ---- domains.c ------------------------------------------------------------------------------------------ */

struct wr_domains {
	struct wr_agent *agent;
	struct wr_binding_table table;
	struct wr_name_servers servers;
	struct wr_dns_streams *streams;
	struct wr_timer lease, look;
	int fd; /* to pods; -1: answers cannot be sent on, so they are not held */
	bool follows;
	WR_VEC(uint32_t) full; /* endpoints for whose names there was no room, until some ended */
	uint64_t unheard;    /* answers that found no room in the event buffer, at the last look */
	uint64_t unheard_ms; /* when it was last seen to grow; 0: never */
	struct wr_domains_counts counts;
};

/* ---- domains_report.c: what people are told ------------------------------------------------------------ */

uint64_t wr_domains_count_unheard(const struct wr_domains *d);

#endif
