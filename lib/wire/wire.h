/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the plugin and the CLI talk to the agent: a unix stream socket (mode 0600), each message a
 * 4-byte little-endian length and that many bytes of JSON (at most WR_WIRE_MAX). A client sends one
 * request at a time:
 *
 *	{"version":1,"verb":"register","body":{...}}
 *	-> {"version":1,"code":0,"body":{...}}  or  {"version":1,"code":N,"error":"one sentence","cni":M}
 *
 * code is a positive errno. The agent answers with min(its version, the client's); a version and
 * its predecessor work together both ways: members are only ever added; what is unknown is ignored.
 * Verbs:
 *
 *	hello     body: {"client":"weir-cni 0.1.0"} -> wr_hello (below): pins, pools, MTU, what is enforced
 *	register  body: endpoint record -> {} once the endpoint is enforced (may take long: the client waits)
 *	release   body: {"network","container","ifname"} -> {} ; unknown is success
 *	check     body: endpoint record -> {} when maps and programs match; else an error that says what differs
 *	ready     -> {} when an ADD could be served now, else code EAGAIN and why (STATUS)
 *	gc        body: {"network", "keep":[{container,ifname}...]} -> {"removed":N}
 *	get       body: {"what":"..."} -> {"items":[...]} or an object (CLI); what is not known is absent:
 *	  status     {"version","node","pid","started_ms" (Unix epoch),"ready","reason","needs":[{"name","reason"}] (no reason: met),
 *	             "routing":{"mode":"auto|direct|vxlan","direct","vxlan"} (numbers of nodes),
 *	             "load_balancing":{"mode":"snat|dsr" (as asked for),"dsr","snat"} (numbers of other nodes that get it),"mtu","pod_cidrs","cgroup_root","tcx",
 *	             "masquerade","flow_events","drop_sample","uplinks":[{"name","mtu","up"}],"sources":[{"name","contact_ms" (Unix epoch),"errors":[text]}],
 *	             "kinds":[{"kind","count","synced"}],"reconcilers":[{"name","runs","failures","failing","error" (while it is)}],"not_enforced":[text]}
 *	  nodes      items {"number" (as backends carry it),"name","addresses":[text],"pod_cidrs","zone","zone_number",
 *	             "via":"self|direct|vxlan|none"}
 *	  pods       items {"namespace","name","addresses":[text],"node"}: every pod that the agent knows
 *	  services   items {"id" (a service port's),"namespace","name","port_name"}, and of what was left out
 *	             {"namespace","name","skipped":[{"reason"}]}
 *	  drops      items: the latest dropped packets, as monitor sends them
 *	  policies   items {"endpoint","namespace","name","judged","audit","ruleset","identity4","identity6","policies":[{"name","tier"}]},
 *	             and of what is not understood {"kind","namespace","name","problems":[{"field","what"}]}
 *	why       body: {"source","destination","port","protocol"} -> {"judged":[{"direction","pod","allowed","rule","policies"}]}
 *	policy-check  body: {"manifests":TEXT} -> {"items":[{"change":"cut|opened","protocol","port","source","destination","now","then"}],
 *	             "judged","cut","opened"}; nothing changes
 *	monitor   body: {"types":["drop|audit|flow-new|flow-end"]} -> a message for each event, until the client leaves
 */
#ifndef WR_WIRE_WIRE_H
#define WR_WIRE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/base/strbuf.h"
#include "lib/base/vec.h"
#include "lib/json/json.h"

#define WR_WIRE_VERSION 1
#define WR_WIRE_MAX     (16u << 20)

/* The answer to hello: all that the plugin needs to wire a pod. */
struct wr_hello {
	char *pins;                     /* <bpffs>/weir/<instance>/<abi> */
	WR_VEC(struct wr_prefix) pools; /* this node's pod ranges, in the order of preference, both families */
	WR_VEC(struct wr_addr) taken; /* addresses of the ranges that pods of another network have */
	uint32_t mtu;                 /* for pod interfaces */
	struct wr_addr gateway4,
		gateway6; /* link-local gateways that pods route to (169.254.1.1, fe80::1) */
	bool tcx;         /* false: clsact filters (kernels before 6.6) */
	bool ready;       /* false: an ADD would be answered "try again" */
	char *reason;     /* why not ready; "" when ready */
};
void wr_hello_done(struct wr_hello *h);
struct wr_json *wr_hello_encode(const struct wr_hello *h);
int wr_hello_decode(const struct wr_json *j, struct wr_hello *ret, struct wr_err *err);

/* Framing, for both sides and for fuzzing. Appends header and text of @msg to @out. */
void wr_wire_frame(const struct wr_json *msg, struct wr_strbuf *out);
/*
 * Takes one whole message off the front of @in. 1: *ret is set (caller frees); 0: not whole yet;
 * -EMSGSIZE: length out of range; -EBADMSG: not a JSON object. After an error the connection must
 * be closed.
 */
int wr_wire_unframe(struct wr_strbuf *in, struct wr_json **ret, struct wr_err *err);

/*
 * Client. connect: -ECONNREFUSED or -ENOENT when the agent is away, -EAGAIN when it does not accept
 * for 400 ms. call: waits at most @timeout_ms (monotonic, total) for the answer: -ETIMEDOUT. An
 * error answer becomes its negative errno and message (and err->cni). *ret_body may be NULL.
 */
int wr_wire_connect(const char *socket_path, int *ret_fd, struct wr_err *err);
int wr_wire_call(int fd, const char *verb, struct wr_json *body /* taken; may be NULL */,
		 int timeout_ms, struct wr_json **ret_body /* may be NULL */, struct wr_err *err);

/* A call in two halves, for whoever has something to do meanwhile. */
int wr_wire_send(int fd, const char *verb, struct wr_json *body /* taken; may be NULL */,
		 int timeout_ms, struct wr_err *err);
int wr_wire_receive(int fd, const char *verb, int timeout_ms,
		    struct wr_json **ret_body /* may be NULL */, struct wr_err *err);

/* Server-side helpers: answers as JSON values. */
struct wr_json *wr_wire_answer(struct wr_json *body /* taken; may be NULL */);
struct wr_json *wr_wire_error(const struct wr_err *err);

#endif
