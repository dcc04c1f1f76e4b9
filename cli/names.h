/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names behind addresses and numbers: pods ("default/web") from the records on disk and from the agent; nodes and services
 * ("default/web:http") from the agent only. What nobody knows has no name; loading never fails.
 */
#ifndef WR_CLI_NAMES_H
#define WR_CLI_NAMES_H

#include "cli/cli.h"
#include "lib/base/addr.h"
#include "lib/base/hmap.h"
#include "lib/json/json.h"

enum wr_names_what {
	WR_NAMES_LOCAL = 1 << 0, /* this node's pods */
	WR_NAMES_PODS = 1 << 1,  /* all that the agent knows */
	WR_NAMES_NODES = 1 << 2,
	WR_NAMES_SERVICES = 1 << 3,
	WR_NAMES_ALL = 15,
	WR_NAMES_INTERFACES = 1 << 4, /* from the maps */
};

enum wr_name_kind {
	WR_NAME_POD,
	WR_NAME_NODE,
	WR_NAME_SERVICE,
	WR_NAME_ZONE,
	WR_NAME_INTERFACE, /* the pod behind an interface of the datapath */
};

struct wr_name {
	struct wr_hnode node;
	enum wr_name_kind kind;
	struct wr_addr addr; /* of pods and nodes, one row for each; else zero */
	uint32_t number;     /* of nodes and zones, id of services, ifindex; else 0 */
	char *text;
};

struct wr_names {
	struct wr_hmap by_addr, by_number;
};

void wr_names_load(struct wr_cli *cli, unsigned int what, struct wr_names *ret);
void wr_names_done(struct wr_names *n);
#define wr_auto_names __attribute__((cleanup(wr_names_done))) struct wr_names
/* For loading and tests; an address or number that has a name already keeps it. */
void wr_names_add_addr(struct wr_names *n, enum wr_name_kind kind, const struct wr_addr *addr,
		       const char *text);
void wr_names_add_number(struct wr_names *n, enum wr_name_kind kind, uint32_t number,
			 const char *text);

/* NULL: no name. */
const char *wr_names_addr(const struct wr_names *n, const struct wr_addr *addr);
const char *wr_names_number(const struct wr_names *n, enum wr_name_kind kind, uint32_t number);

/*
 * Whether a person who wrote @wanted means @name: all of it, or without the namespace in front, for a service also without
 * the port name behind it.
 */
bool wr_name_is(const char *name, const char *wanted);
/* Calls @fn for each row of @kind, in no order. */
void wr_names_each(const struct wr_names *n, enum wr_name_kind kind,
		   void (*fn)(void *ctx, const struct wr_name *name), void *ctx);

#endif
