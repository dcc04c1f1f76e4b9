/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attachment: what one CNI ADD made, as the plugin records it on disk, tells it to the agent,
 * and the agent keeps it. One file per attachment, <state>/endpoints/<key>.json, written by the
 * plugin before the first kernel object is made, so that DEL, GC and the agent can undo half an
 * ADD.
 *
 * JSON is the form on disk and on the wire; unknown members are ignored, absent ones are zero.
 */
#ifndef WR_MODEL_ENDPOINT_H
#define WR_MODEL_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"
#include "lib/json/json.h"

#define WR_IFNAME_SIZE 16

/*
 * Who owns an address and an interface (CNI spec: the attachment is unique by these). Heap strings.
 */
struct wr_attachment {
	char *network;
	char *container;
	char *ifname;
};

struct wr_port_mapping {
	uint16_t host_port, container_port;
	uint8_t proto;
	struct wr_addr host_ip; /* zero: every address of the node */
};

struct wr_endpoint_record {
	struct wr_attachment id;
	char *netns;                              /* path, as CNI_NETNS said; may be gone */
	uint64_t netns_cookie;                    /* SO_NETNS_COOKIE of the sandbox; 0: unknown */
	char *pod_namespace, *pod_name, *pod_uid; /* "" without Kubernetes */
	char *host_ifname; /* wr + 10 hex digits of the attachment's hash: stable, so a retry finds it */
	uint32_t ifindex; /* host side; 0: not made yet */
	uint8_t mac[6], host_mac[6];
	uint32_t mtu;
	struct wr_addr addr4, addr6; /* zero: none */
	bool chained;                /* another main plugin made the interface */
	bool foreign_ipam;           /* addresses belong to a delegated IPAM plugin */
	WR_VEC(struct wr_port_mapping) ports;
	char *annotations;   /* JSON object text of io.kubernetes.cri.pod-annotations; NULL: none */
	uint64_t created_ms; /* Unix epoch */
	bool ready;          /* ADD has answered */
};

/* Order and equality over all three parts. */
int wr_attachment_cmp(const struct wr_attachment *a, const struct wr_attachment *b);
struct wr_attachment wr_attachment_copy(const struct wr_attachment *a);
void wr_attachment_done(struct wr_attachment *a);
/*
 * Members network, container, ifname: of a record, of the release verb, of a tombstone. All three
 * are required.
 */
void wr_attachment_encode(const struct wr_attachment *a, struct wr_json *into);
int wr_attachment_decode(const struct wr_json *j, struct wr_attachment *ret, struct wr_err *err);
/* 16 hex digits, a hash of the three parts: file names and host interface names come from it. */
void wr_attachment_key(const struct wr_attachment *a, char ret[17]);
/* "wr" + the first 10 digits of the key. */
void wr_attachment_host_ifname(const struct wr_attachment *a, char ret[WR_IFNAME_SIZE]);

void wr_endpoint_record_done(struct wr_endpoint_record *r);
struct wr_json *wr_endpoint_record_encode(const struct wr_endpoint_record *r);
/* -EINVAL names the member. @ret is untouched on failure. */
int wr_endpoint_record_decode(const struct wr_json *j, struct wr_endpoint_record *ret,
			      struct wr_err *err);

#endif
