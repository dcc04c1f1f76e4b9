/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are. An instance is one Weir on one kernel: usually "default"; several nodes on one
 * kernel use several. Every program takes --instance (or WEIR_INSTANCE; the plugin: conflist key
 * "instance").
 */
#ifndef WR_MODEL_PATHS_H
#define WR_MODEL_PATHS_H

#include "lib/base/err.h"

#define WR_DEFAULT_INSTANCE "default"
#define WR_PATH_SIZE        256

struct wr_paths {
	char instance[64];
	char pins[WR_PATH_SIZE]; /* /sys/fs/bpf/weir/<instance>/<abi>: maps/ progs/ links/ below */
	char pins_root[WR_PATH_SIZE]; /* /sys/fs/bpf/weir/<instance> */
	char state[WR_PATH_SIZE];     /* /var/lib/weir/<instance>: endpoints/ tombstones/ ipam/ */
	char run[WR_PATH_SIZE];       /* /run/weir/<instance> */
	char socket[WR_PATH_SIZE];    /* <run>/agent.sock, mode 0600 */
};

/* NULL or "" instance: the default. -EINVAL: not a valid name ([a-z0-9][a-z0-9-]*, at most 63). Roots can be moved by
 * the environment for tests and unusual hosts: WEIR_BPFFS (/sys/fs/bpf), WEIR_STATE_DIR
 * (/var/lib/weir), WEIR_RUN_DIR (/run/weir). */
int wr_paths_init(struct wr_paths *p, const char *instance, struct wr_err *err);

#endif
