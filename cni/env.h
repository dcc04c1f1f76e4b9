/* SPDX-License-Identifier: Apache-2.0 */
/* The environment that a runtime calls the plugin with. What we do not know is ignored. */
#ifndef WR_CNI_ENV_H
#define WR_CNI_ENV_H

#include <stdbool.h>

#include "lib/base/err.h"

/* Which variables a verb cannot do without. */
enum wr_cni_need {
	WR_CNI_NEED_CONTAINER = 1 << 0,
	WR_CNI_NEED_IFNAME = 1 << 1,
	WR_CNI_NEED_NETNS = 1 << 2,
	WR_CNI_NEED_PATH = 1 << 3,
	WR_CNI_NEED_ARGS =
		1 << 4, /* unknown keys of CNI_ARGS are errors; else DEL of a refused ADD would fail, too */
};

/* Strings are the environment's own, or NULL when unset or empty. */
struct wr_cni_env {
	const char *container, *ifname, *netns, *path;
	char *args; /* owned copy of CNI_ARGS, cut up by what follows */
	const char *pod_namespace, *pod_name, *pod_uid; /* "" without Kubernetes */
	const char *ip, *mac;                           /* legacy requests; NULL: none */
};

/*
 * Reads and validates. One error (code 4) names everything that is wrong: variables that are missing, and
 * those that are there and bad, needed or not.
 */
int wr_cni_env_read(unsigned int needs, struct wr_cni_env *ret, struct wr_err *err);
void wr_cni_env_done(struct wr_cni_env *env);

/* 1 to 15 bytes, not "." or "..", no '/', ':' or white space: what the kernel takes as an interface's name. */
bool wr_cni_is_ifname(const char *s);

#endif
