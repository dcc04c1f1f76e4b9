/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes objects as Weir keeps them: small C structs with what Weir needs and nothing else.
 * They are made by wr_object_decode from JSON (API or manifest) and are immutable afterwards: a
 * change is a new object that replaces the old one in the store. Strings that repeat across objects
 * (namespaces, label keys and values, node and zone names) are interned: equal strings are equal
 * pointers, and so are equal sets of labels. All else of an object is one block of memory (policies
 * have more): there are tens of thousands of them.
 */
#ifndef WR_AGENT_OBJ_OBJECT_H
#define WR_AGENT_OBJ_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/obj/intern.h"
#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/base/hmap.h"
#include "lib/base/vec.h"
#include "lib/json/json.h"

enum wr_kind {
	WR_KIND_NODE,
	WR_KIND_NAMESPACE,
	WR_KIND_POD,
	WR_KIND_SERVICE,
	WR_KIND_ENDPOINTSLICE,
	WR_KIND_NETWORKPOLICY,
	WR_KIND_CLUSTERNETWORKPOLICY,
	WR_KIND_MAX,
};
const char *wr_kind_name(enum wr_kind kind); /* "NetworkPolicy" */
bool wr_kind_is_namespaced(enum wr_kind kind);
/* By apiVersion and kind; -ENOENT: not one of ours. */
int wr_kind_parse(const char *api_version, const char *kind, enum wr_kind *ret);

/* What a packed object points at. */
#define WR_LIST(type)       \
	struct {            \
		type *v;    \
		uint32_t n; \
	}

struct wr_label {
	wr_istr key, value;
};

struct wr_labels {
	const struct wr_label *v; /* sorted by key's text; equal labels, equal pointer */
	uint32_t n;
	uint32_t pad; /* zero: objects are hashed as bytes */
};

/* First member of every object. */
struct wr_object {
	struct wr_hnode node; /* the store's */
	uint64_t content;     /* hash of everything below: equal objects need no work */
	wr_istr ns;           /* "" for cluster-scoped kinds */
	char *name;
	struct wr_labels labels; /* of Nodes, Namespaces and Pods; else none */
	uint8_t kind;            /* enum wr_kind */
	bool deleting;           /* metadata.deletionTimestamp is set */
	uint8_t epoch;           /* the store's */
	bool kept;               /* agent/manifests': the file's new content has it too */
	uint32_t file;           /* agent/manifests': which one has it; 0: none */
};

struct wr_node {
	struct wr_object o;
	WR_LIST(struct wr_addr) internal_ips; /* status.addresses, in order */
	WR_LIST(struct wr_addr) external_ips;
	WR_LIST(struct wr_prefix) pod_cidrs;
	wr_istr zone; /* label topology.kubernetes.io/zone; NULL: none */
	char *provider_id;
	bool autoscaler_taint;    /* ToBeDeletedByClusterAutoscaler */
	bool not_ready_taint;     /* weir.dev/agent-not-ready */
	bool network_unavailable; /* condition NetworkUnavailable is True */
};

struct wr_namespace {
	struct wr_object o; /* labels always include kubernetes.io/metadata.name */
};

struct wr_container_port {
	wr_istr name; /* NULL: unnamed */
	uint16_t port, host_port;
	uint8_t proto;
	struct wr_addr host_ip; /* zero: any */
};

enum wr_pod_phase {
	WR_POD_PENDING,
	WR_POD_RUNNING,
	WR_POD_SUCCEEDED,
	WR_POD_FAILED,
	WR_POD_UNKNOWN,
};

struct wr_pod {
	struct wr_object o;
	wr_istr node_name;           /* NULL: not scheduled */
	struct wr_addr addr4, addr6; /* status.podIPs; zero: none yet */
	/* Of all containers and of init containers that restart; from the API only named ones. */
	WR_LIST(struct wr_container_port) ports;
	uint64_t uid; /* its wr_uid_hash */
	uint64_t config_hash; /* that of annotation kubernetes.io/config.hash, the kubelet's UID of static pods */
	enum wr_pod_phase phase;
	bool host_network;
	bool ready; /* condition Ready is True */
	bool audit; /* annotation weir.dev/audit: "true" */
};

enum wr_service_type {
	WR_SERVICE_CLUSTERIP,
	WR_SERVICE_NODEPORT,
	WR_SERVICE_LOADBALANCER,
	WR_SERVICE_EXTERNALNAME,
};

enum wr_traffic_distribution {
	WR_DISTRIBUTION_NONE,
	WR_DISTRIBUTION_SAME_ZONE, /* PreferClose and PreferSameZone */
	WR_DISTRIBUTION_SAME_NODE,
};

struct wr_service_port {
	wr_istr name; /* "" when unnamed: matches the slice's port name */
	uint8_t proto;
	uint16_t port, node_port;
	uint16_t target_port; /* 0: named, or equal to port when target_name is NULL too */
	wr_istr target_name;  /* NULL: numeric. Manifests only: EndpointSlices have the number */
};

struct wr_service_object {
	struct wr_object o;
	WR_LIST(struct wr_addr) cluster_ips; /* empty: headless ("None") or not given yet */
	WR_LIST(struct wr_addr) external_ips;
	WR_LIST(struct wr_addr) lb_ips; /* status.loadBalancer.ingress with ipMode VIP (or absent) */
	WR_LIST(struct wr_prefix) source_ranges;
	WR_LIST(struct wr_service_port) ports;
	struct wr_labels selector; /* manifests only: EndpointSlices are its result elsewhere */
	uint32_t affinity;         /* seconds; 0: none */
	uint16_t health_check_node_port;
	uint8_t type;         /* enum wr_service_type */
	uint8_t distribution; /* enum wr_traffic_distribution */
	bool has_selector;
	bool headless;
	bool external_local, internal_local; /* traffic policies */
	bool publish_not_ready;
	bool allocate_node_ports;
	bool topology_auto; /* annotation service.kubernetes.io/topology-mode: Auto */
	bool foreign;       /* labels say that another proxy, or none, serves it */
};

/* One of a slice's, as it is read. */
struct wr_slice_endpoint {
	struct wr_addr addr;     /* the first: the API says that the others are not used */
	wr_istr node_name, zone; /* NULL: unknown */
	WR_LIST(const wr_istr) hint_zones;
	WR_LIST(const wr_istr) hint_nodes;
	bool ready, serving, terminating; /* nil: ready true, serving = ready, terminating false */
};

/* As it is kept: there are a hundred thousand. */
struct wr_packed_endpoint {
	const struct wr_ilist *place; /* many have the same node, zone and hints */
	struct in_addr addr4;
	bool ready, serving, terminating;
};

struct wr_slice_port {
	wr_istr name;
	uint8_t proto;
	uint16_t port; /* 0: nil, all ports */
};

struct wr_slice {
	struct wr_object o;
	wr_istr service; /* label kubernetes.io/service-name; NULL: nobody's */
	int family;      /* AF_INET, AF_INET6; AF_UNSPEC: FQDN, ignored */
	WR_LIST(struct wr_packed_endpoint) endpoints; /* those with an address of the family */
	struct wr_addr *addr6;                        /* as many; NULL: IPv4 */
	WR_LIST(struct wr_slice_port) ports;
};
struct wr_slice_endpoint wr_slice_at(const struct wr_slice *s, uint32_t i); /* borrows */

/* Policies are declared in agent/obj/policy.h (struct wr_netpol, struct wr_cnp). */

/*
 * Decodes one object whose apiVersion and kind say what it is. @strict (manifests, but for policies): wrong types and
 * impossible values are errors naming the field ("spec.ports[1].port: must be 1-65535, not 70000");
 * lenient (API, already validated) skips what it cannot read and never fails but for a missing
 * name. Decoders of policies record what they do not understand in the object instead (fail
 * closed). An absent namespace is "default". -ENOENT: a kind that is not ours. *ret is heap, freed
 * with wr_object_free.
 */
int wr_object_decode(const struct wr_json *j, bool strict, struct wr_object **ret,
		     struct wr_err *err);
/* The same for items of a list and objects of a watch, where the kind is known and not repeated. */
int wr_object_decode_as(enum wr_kind kind, const struct wr_json *j, bool strict,
			struct wr_object **ret, struct wr_err *err);
void wr_object_free(struct wr_object *o);

/* UIDs are only compared, and there are many: a hash stands for one. NULL and "": 0. */
uint64_t wr_uid_hash(const char *uid);

/* Value of a label, NULL when absent. @key is interned or plain text. */
wr_istr wr_labels_get(const struct wr_labels *l, const char *key);
/* The same for an interned key, by pointer. */
wr_istr wr_labels_find(const struct wr_labels *l, wr_istr key);

#endif
