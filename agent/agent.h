/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent of one node: everything that its parts share. Parts are started in the order of a table (agent.c) and stopped
 * in the reverse; stopping leaves the datapath as it is.
 */
#ifndef WR_AGENT_AGENT_H
#define WR_AGENT_AGENT_H

#include "agent/config.h"
#include "agent/health.h"
#include "agent/loop.h"
#include "agent/reconcile.h"
#include "agent/server.h"
#include "lib/model/paths.h"

struct wr_api;
struct wr_cni_install;
struct wr_domains;
struct wr_dp;
struct wr_endpoints;
struct wr_event_hub;
struct wr_httpd;
struct wr_nodes;
struct wr_notices;
struct wr_others;
struct wr_peers;
struct wr_policies;
struct wr_services;
struct wr_source;
struct wr_store;
struct wr_sweeper;

struct wr_agent {
	const struct wr_agent_config *config;
	struct wr_paths paths;
	struct wr_loop *loop;
	struct wr_health health;
	struct wr_reconciling reconciling;
	uint64_t started_ms; /* monotonic */
	int lock_fd;         /* <run>/agent.lock: one agent for an instance */
	bool retiring;       /* no new pods; stops when the last is gone */

	struct wr_store *store;
	struct wr_dp *dp;
	uint32_t vxlan_ifindex; /* 0: no overlay */
	char *cgroup_root;      /* NULL: no socket hooks */
	struct wr_peers *peers;
	struct wr_nodes *nodes;
	struct wr_endpoints *endpoints;
	struct wr_services *services;
	struct wr_policies *policies;
	struct wr_domains *domains;
	struct wr_event_hub *events;
	struct wr_sweeper *sweeper;
	struct wr_notices *notices; /* NULL: no API to tell them to */
	struct wr_others *others;
	struct wr_cni_install *cni;
	struct wr_source *source; /* NULL: the API is the source */
	struct wr_api *api;       /* NULL: manifests are */

	struct wr_server *server;
	struct wr_httpd *http;
	struct wr_timer http_retry, watchdog, retire;
	bool notified; /* READY=1 was sent */
};

/* Runs until SIGTERM or SIGINT. -EBUSY: another agent of this instance runs. */
int wr_agent_run(const struct wr_agent_config *config, struct wr_err *err);
/* The same, without installing CNI files or taking new pods, until there is none; or a signal. */
int wr_agent_run_until_empty(const struct wr_agent_config *config, struct wr_err *err);
/* Takes the instance's lock, which lives as long as the descriptor. -EBUSY: an agent holds it. */
int wr_agent_lock(const struct wr_paths *paths, int *ret_fd, struct wr_err *err);
/* Removes all that the instance has made on this node: CNI files, programs, maps, interfaces, routes, state. */
int wr_agent_uninstall(const struct wr_agent_config *config, struct wr_err *err);

#endif
