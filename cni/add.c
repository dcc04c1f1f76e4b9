// SPDX-License-Identifier: Apache-2.0
/* ADD: a table of steps; when one fails, those before it are undone. */
#include <errno.h>
#include <net/if.h>

#include "cni/add.h"
#include "cni/agent.h"
#include "cni/codes.h"
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/model/records.h"
#include "lib/netns/netns.h"
#include "lib/podnet/podnet.h"

static int open_netns(struct wr_cni_adding *a, struct wr_err *err)
{
	return wr_cni_open_netns(a->cni->env.netns, &a->netns, err);
}

/* The answer is fetched when it is needed. */
static int call_agent(struct wr_cni_adding *a, struct wr_err *err)
{
	a->agent = wr_cni_agent_begin(a->cni);
	return 0;
}

static int greet(struct wr_cni_adding *a, struct wr_err *err)
{
	int r = wr_cni_agent_greet(a->cni, WR_CNI_GRACE_MS, &a->agent, &a->hello, err);

	if (r < 0)
		return r;
	wr_cni_contact_touch(&a->cni->paths);
	a->rec.mtu = a->hello.mtu;
	return 0;
}

static int find_interface(void *arg)
{
	return (int)if_nametoindex(arg);
}

/*
 * The same attachment again. Its interface is there: that ADD stands, and this one changes nothing. It is not: what the
 * other has left goes, but for the addresses.
 */
static int refuse_twice(struct wr_cni_adding *a, struct wr_err *err)
{
	struct wr_endpoint_record old;
	int r = wr_record_get(a->cni->paths.state, &a->cni->id, &old, NULL);

	if (r == -ENOENT)
		return 0;
	a->had_record = true;
	if (r == 0)
		wr_endpoint_record_done(&old);
	if (!a->prev && wr_netns_run(a->netns, find_interface, a->cni->id.ifname) > 0)
		return wr_err_set_cni(err, WR_CNI_EXISTS, -EEXIST,
				      "container %s has an interface %s already, of an ADD before this one",
				      a->cni->id.container, a->cni->id.ifname);
	return wr_cni_remove_wiring(a->cni, &a->cni->id, err);
}

static int put_record(struct wr_cni_adding *a, struct wr_err *err)
{
	return wr_record_put(a->cni->paths.state, &a->rec, err);
}

/* Before anything is made: whatever happens from here on, DEL, GC and the agent know of it. */
static int announce(struct wr_cni_adding *a, struct wr_err *err)
{
	const struct wr_cni_env *env = &a->cni->env;
	struct wr_endpoint_record *rec = &a->rec;

	rec->netns = wr_xstrdup(env->netns);
	rec->pod_namespace = wr_xstrdup(env->pod_namespace);
	rec->pod_name = wr_xstrdup(env->pod_name);
	rec->pod_uid = wr_xstrdup(env->pod_uid);
	rec->ports.v = wr_take_ptr(a->wish.ports.v);
	rec->ports.n = rec->ports.cap = a->wish.ports.n;
	rec->annotations = wr_take_ptr(a->wish.annotations);
	rec->created_ms = wr_real_ms();
	rec->foreign_ipam = a->cni->conf.ipam;
	rec->chained = a->prev;
	return put_record(a, err);
}

/* A record that was there before has an owner: its DEL. */
static void forget(struct wr_cni_adding *a)
{
	if (!a->had_record)
		wr_record_del(a->cni->paths.state, &a->cni->id);
}

static int wire(struct wr_cni_adding *a, struct wr_err *err)
{
	struct wr_endpoint_record *rec = &a->rec;
	struct wr_podnet_request req = { .netns_fd = a->netns,
					 .host_ifname = rec->host_ifname,
					 .ifname = rec->id.ifname,
					 .mtu = rec->mtu,
					 .addr4 = rec->addr4,
					 .addr6 = rec->addr6,
					 .gateway4 = a->hello.gateway4,
					 .gateway6 = a->hello.gateway6 };
	struct wr_podnet_result made;
	int r;

	memcpy(req.mac, a->wish.mac, sizeof(req.mac));
	r = wr_podnet_add(&req, &made, err);
	if (r < 0) {
		err->cni = r == -EEXIST ? WR_CNI_EXISTS : WR_CNI_SYSTEM;
		return r;
	}
	rec->ifindex = made.host_ifindex;
	rec->netns_cookie = made.netns_cookie;
	memcpy(rec->mac, made.mac, sizeof(rec->mac));
	memcpy(rec->host_mac, made.host_mac, sizeof(rec->host_mac));
	return 0;
}

static void unwire(struct wr_cni_adding *a)
{
	wr_podnet_del(a->rec.host_ifname, NULL);
}

static int attach(struct wr_cni_adding *a, struct wr_err *err)
{
	int r = wr_cni_attach(a->hello.pins, &a->rec, a->hello.tcx, err);

	if (r < 0)
		err->cni = WR_CNI_SYSTEM;
	return r;
}

static void detach(struct wr_cni_adding *a)
{
	wr_cni_detach(a->hello.pins, &a->cni->id, NULL);
}

/*
 * The record is completed while the agent works. Killed between the two, what is enforced has a record that leads to it; an
 * agent that is killed costs the ADD, which then undoes itself.
 */
static int register_endpoint(struct wr_cni_adding *a, struct wr_err *err)
{
	struct wr_err put_err = WR_ERR_INIT;
	int r, put;

	a->rec.ready = true;
	r = wr_wire_send(a->agent, "register", wr_endpoint_record_encode(&a->rec), WR_CNI_ANSWER_MS,
			 err);
	if (r < 0)
		return r;
	put = put_record(a, &put_err);
	r = wr_wire_receive(a->agent, "register", WR_CNI_REGISTER_MS, NULL, err);
	if (r == 0 && put < 0) {
		*err = put_err;
		r = put;
	}
	return r;
}

static int enforce(struct wr_cni_adding *a, struct wr_err *err)
{
	int r = register_endpoint(a, err);

	if (r == 0)
		return 0;
	if (!err->cni)
		err->cni = WR_CNI_TRY_AGAIN;
	wr_cni_agent_release_end(a->cni, &a->cni->id,
				 wr_cni_agent_release_begin(a->cni, &a->cni->id), NULL);
	return wr_err_wrap(err, r, "the agent does not enforce the endpoint");
}

/* Main plugin: in this order, a later step may rely on what an earlier one has made. */
static const struct wr_cni_step main_steps[] = {
	{ .run = open_netns },
	{ .run = call_agent },
	{ .run = refuse_twice },
	{ .run = announce, .undo = forget },
	{ .run = greet },
	{ .run = wr_cni_reserve, .undo = wr_cni_unreserve },
	{ .run = wire, .undo = unwire },
	{ .run = attach, .undo = detach },
	{ .run = enforce },
};

/* Chained after another main plugin: the interface and its addresses are its. */
static const struct wr_cni_step chained_steps[] = {
	{ .run = open_netns },
	{ .run = call_agent },
	{ .run = refuse_twice },
	{ .run = announce, .undo = forget },
	{ .run = greet },
	{ .run = wr_cni_adopt },
	{ .run = attach, .undo = detach },
	{ .run = enforce },
};

static int run_steps(struct wr_cni_adding *a, const struct wr_cni_step *steps, size_t n,
		     struct wr_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < n; i++) {
		r = steps[i].run(a, err);
		if (r < 0)
			break;
	}
	if (i == n)
		return 0;
	while (i-- > 0)
		if (steps[i].undo)
			steps[i].undo(a);
	return r;
}

static void adding_init(struct wr_cni_adding *a, struct wr_cni *cni)
{
	char host[WR_IFNAME_SIZE];

	*a = (struct wr_cni_adding){ .cni = cni, .netns = -1, .agent = -1 };
	wr_attachment_host_ifname(&cni->id, host);
	a->rec.id = wr_attachment_copy(&cni->id);
	a->rec.host_ifname = wr_xstrdup(host);
}

static void adding_done(struct wr_cni_adding *a)
{
	wr_cni_wish_done(&a->wish);
	wr_json_free(a->prev);
	wr_hello_done(&a->hello);
	wr_endpoint_record_done(&a->rec);
	wr_close_p(&a->netns);
	wr_close_p(&a->agent);
}

static int parse(struct wr_cni_adding *a, struct wr_err *err)
{
	const struct wr_cni_conf *conf = &a->cni->conf;
	int r;

	r = wr_cni_wish_parse(conf, &a->cni->env, &a->wish, err);
	if (r < 0 || !conf->prev)
		return r;
	r = wr_cni_result_decode(conf->prev, &a->prev, err);
	return r < 0 ? wr_err_wrap(err, r, "prevResult") : 0;
}

static struct wr_json *result(const struct wr_cni_adding *a)
{
	const struct wr_cni_made made = { .record = &a->rec,
					  .gateway4 = a->hello.gateway4,
					  .gateway6 = a->hello.gateway6,
					  .dns = a->wish.dns ?: a->cni->conf.dns };
	wr_auto_json *own = a->prev ? wr_json_ref(a->prev) : wr_cni_result_new(&made);

	return wr_cni_result_encode(own, a->cni->conf.spec);
}

int wr_cni_add(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err)
{
	wr_cleanup(adding_done) struct wr_cni_adding a;
	int r;

	adding_init(&a, cni);
	r = parse(&a, err);
	if (r == 0 && a.prev)
		r = run_steps(&a, chained_steps, WR_ARRAY_SIZE(chained_steps), err);
	else if (r == 0)
		r = run_steps(&a, main_steps, WR_ARRAY_SIZE(main_steps), err);
	if (r == 0)
		*ret = result(&a);
	return r;
}
