/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network configuration on standard input: what libcni makes of the conflist, the runtime's values and the
 * previous result. Unknown members are ignored.
 */
#ifndef WR_CNI_CONF_H
#define WR_CNI_CONF_H

#include "cni/env.h"
#include "cni/version.h"
#include "lib/base/addr.h"
#include "lib/base/vec.h"
#include "lib/json/json.h"
#include "lib/model/endpoint.h"

#define WR_CNI_INPUT_MAX (4u << 20)

struct wr_cni_conf {
	struct wr_json *json; /* owns all that the pointers below borrow */
	enum wr_cni_spec spec;
	const char *name;     /* the network's */
	const char *instance; /* NULL: the default */
	const char *ipam;     /* the IPAM plugin to delegate to; NULL: Weir's own addresses */
	struct wr_json *prev; /* prevResult; NULL: none */
	bool has_valid; /* GC: there is a list of valid attachments, if only null (Go's empty one) */
	struct wr_json *valid; /* array of {containerID, ifname}; NULL: empty */
	struct wr_json *dns;   /* for the result; NULL: none */
};

/* What runtimeConfig and its older forms in CNI_ARGS and args ask for. */
struct wr_cni_wish {
	struct wr_addr addr4, addr6; /* zero: any */
	uint8_t mac[6];              /* zero: any */
	WR_VEC(struct wr_port_mapping) ports;
	char *annotations;   /* of the pod, as JSON text; NULL: none */
	struct wr_json *dns; /* as in a result; NULL: not said */
};

/* Code 6: not a JSON object; 1: its cniVersion; 7: a member that is missing or wrong. @ret is untouched on failure. */
int wr_cni_conf_parse(const char *text, size_t len, struct wr_cni_conf *ret, struct wr_err *err);
void wr_cni_conf_done(struct wr_cni_conf *conf);

/* Code 7: a member that is wrong; 2: one that we would have to ignore against the runtime's will. */
int wr_cni_wish_parse(const struct wr_cni_conf *conf, const struct wr_cni_env *env,
		      struct wr_cni_wish *ret, struct wr_err *err);
void wr_cni_wish_done(struct wr_cni_wish *wish);

#endif
