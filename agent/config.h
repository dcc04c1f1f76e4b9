/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's configuration: one table of keys (config_keys.c), each with a YAML name, a flag, a type, a range and a
 * default. The YAML file, the command line, --help and the documentation all come from that table.
 *
 * Precedence: flag, file, default. Everything is checked before anything is used; an error names the
 * place ("/etc/weir/agent.yaml: line 7: mtu: must be ...", "--mtu: must be ...").
 */
#ifndef WR_AGENT_CONFIG_H
#define WR_AGENT_CONFIG_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/config.h"
#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/base/strbuf.h"
#include "lib/base/vec.h"
#include "lib/dp/dp.h"

#define WR_CONFIG_API_VERSION "weir.dev/v1alpha1"
#define WR_CONFIG_KIND        "AgentConfiguration"

enum wr_routing {
	WR_ROUTING_AUTO,
	WR_ROUTING_DIRECT,
	WR_ROUTING_VXLAN,
};

enum wr_lb_mode {
	WR_LB_MODE_SNAT,
	WR_LB_MODE_DSR,
};

struct wr_strings {
	WR_VEC(char *) list;
};

struct wr_prefixes {
	WR_VEC(struct wr_prefix) list;
};

struct wr_port_range {
	uint32_t first, last;
};

struct wr_listen {
	bool on; /* false: "off" */
	struct wr_addr addr;
	uint16_t port;
};

/* Named numbers: index by enum wr_map or enum wr_timeout; 0: the default. */
struct wr_agent_config {
	char *instance, *node, *manifests;
	char *kubeconfig, *service_account;
	struct wr_strings api_servers;
	uint32_t log_format; /* 0: text, 1: JSON */
	uint32_t log_level;  /* enum wr_log_level */

	uint32_t routing; /* enum wr_routing */
	uint32_t mtu;     /* 0: follow the uplink */
	struct wr_strings uplinks;
	bool masquerade;
	uint32_t vxlan_port, vxlan_id, probe_port;
	struct wr_port_range nat_ports;
	uint32_t mark_bit;

	bool socket_lb;
	char *cgroup_root; /* "": found by file system type */
	char *proc_sys_net;
	struct wr_prefixes node_port_addresses;
	struct wr_prefixes name_servers;
	bool localhost_node_ports;
	uint32_t maglev_size; /* elements of a table, a prime */
	uint32_t lb_mode;     /* enum wr_lb_mode */

	bool install_cni, cni_replace;
	char *cni_bin_dir, *cni_conf_dir;
	char *cni_plugin; /* "": weir-cni beside this program */
	char *cni_network;

	struct wr_listen health, proxy_health;
	uint32_t drop_sample;
	bool flow_events;
	uint32_t flow_shards, flow_quota;
	uint32_t resync_s, gc_s;
	uint32_t map_sizes[WR_MAP_MAX];
	uint32_t timeouts[WR_TIMEOUT_MAX]; /* seconds */
};

enum wr_key_type {
	WR_KEY_STRING,
	WR_KEY_BOOL,
	WR_KEY_UINT,
	WR_KEY_CHOICE,  /* one of names[] */
	WR_KEY_SECONDS, /* a duration */
	WR_KEY_STRINGS,
	WR_KEY_PREFIXES,
	WR_KEY_PORTS,     /* "first-last" */
	WR_KEY_LISTEN,    /* "address:port" or "off" */
	WR_KEY_SIZES,     /* name to number; lookup() resolves names */
	WR_KEY_DURATIONS, /* name to duration */
};

struct wr_key {
	const char *name; /* in YAML */
	const char *was;  /* the name it had in the release before, still understood; NULL */
	const char *flag; /* without the dashes */
	enum wr_key_type type;
	size_t offset;    /* in struct wr_agent_config */
	const char *dflt; /* as on the command line */
	uint64_t min, max;
	const char *const *names;        /* CHOICE: NULL-terminated */
	int (*lookup)(const char *name); /* SIZES, DURATIONS: index, or -ENOENT */
	const char *arg, *help;          /* for --help */
};

extern const struct wr_key wr_config_keys[];
extern const size_t wr_config_keys_n;

/* All defaults. wr_config_done frees. */
void wr_config_init(struct wr_agent_config *c);
void wr_config_done(struct wr_agent_config *c);
#define wr_auto_config __attribute__((cleanup(wr_config_done))) struct wr_agent_config

/* One value as on the command line; lists are comma-separated and replace what was there. @where: "--mtu". */
int wr_config_set(struct wr_agent_config *c, const struct wr_key *key, const char *text,
		  const char *where, struct wr_err *err);
/* The steps of the same for a value whose parts come one by one: empties a list (or string), adds an element. */
void wr_config_clear(struct wr_agent_config *c, const struct wr_key *key);
int wr_config_add(struct wr_agent_config *c, const struct wr_key *key, const char *text,
		  const char *where, struct wr_err *err);
/* A whole file's text over what @c holds. On failure @c is in a mixed state: discard it. @file names it in errors. Warnings
 * about renamed keys are appended to @notes, a line each. */
int wr_config_apply_yaml(struct wr_agent_config *c, const struct wr_key *keys, size_t n_keys,
			 const char *file, const char *text, size_t len, struct wr_strbuf *notes,
			 struct wr_err *err);
/* What only makes sense together. */
int wr_config_check(const struct wr_agent_config *c, struct wr_err *err);
/* Whoever runs needs exactly one source of objects; whoever uninstalls needs none. */
int wr_config_check_source(const struct wr_agent_config *c, struct wr_err *err);

#endif
