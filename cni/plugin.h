/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of the plugin (CNI specification 1.1.0). A verb returns 0 and what to print (NULL: nothing), or a
 * negative errno and an error that carries its CNI code when it is not to be told from the errno.
 *
 * The runtime may kill the plugin at any instruction. So ADD writes a record before it makes anything, DEL
 * removes it after everything else, and every step between them can be done again.
 */
#ifndef WR_CNI_PLUGIN_H
#define WR_CNI_PLUGIN_H

#include "cni/conf.h"
#include "cni/env.h"
#include "lib/base/err.h"
#include "lib/json/json.h"
#include "lib/model/endpoint.h"
#include "lib/model/paths.h"

struct wr_cni {
	const char *verb;
	struct wr_cni_env env;
	struct wr_cni_conf conf;
	struct wr_paths paths;
	struct wr_attachment id; /* NULL where the verb has none */
	const char *input;       /* all of standard input, for delegation */
	size_t input_len;
	uint64_t deadline_ms; /* wr_now_ms; another plugin that is asked has until then. 0: as long as it takes */
};

int wr_cni_add(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);
int wr_cni_del(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);
int wr_cni_check(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);
int wr_cni_gc(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);
int wr_cni_status(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);
int wr_cni_version(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err);

/*
 * Removes all that an attachment has left, whatever of it is missing: endpoint, link, pins, addresses, record, in this
 * order. An agent that is away finds a tombstone. Goes on past errors, returns the first; the record stays then.
 */
int wr_cni_remove(const struct wr_cni *cni, const struct wr_attachment *id, struct wr_err *err);
/* The same for a repeated ADD: addresses and record stay. */
int wr_cni_remove_wiring(const struct wr_cni *cni, const struct wr_attachment *id,
			 struct wr_err *err);

/* The pod's namespace. Code 3: it does not exist (any more); 8: it is none, or the plugin's own. */
int wr_cni_open_netns(const char *path, int *ret_fd, struct wr_err *err);

/* The pair of programs on the host side of an interface, and their pinned links. */
int wr_cni_attach(const char *pins, const struct wr_endpoint_record *rec, bool tcx,
		  struct wr_err *err);
int wr_cni_check_attached(const char *pins, const struct wr_endpoint_record *rec, bool tcx,
			  struct wr_err *err);
int wr_cni_detach(const char *pins, const struct wr_attachment *id, struct wr_err *err);

/* The error as CNI wants it: version, code, message, details. */
struct wr_json *wr_cni_error(const struct wr_cni *cni, const struct wr_err *err);

#endif
