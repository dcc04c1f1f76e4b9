/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are, from the instance's name and three roots. */
#include "lib/model/paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/abi/base.h"
#include "lib/base/str.h"

static bool is_instance(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";

	return *s && *s != '-' && !s[strspn(s, letters)] &&
	       strlen(s) < sizeof(((struct wr_paths *)0)->instance);
}

static const char *root_of(const char *variable, const char *dflt)
{
	const char *value = getenv(variable);

	return value && *value ? value : dflt;
}

static int fill(struct wr_paths *p)
{
	const char *bpffs = root_of("WEIR_BPFFS", "/sys/fs/bpf");
	const char *state = root_of("WEIR_STATE_DIR", "/var/lib/weir");
	const char *run = root_of("WEIR_RUN_DIR", "/run/weir");

	if (wr_format(p->pins_root, sizeof(p->pins_root), "%s/weir/%s", bpffs, p->instance) < 0 ||
	    wr_format(p->pins, sizeof(p->pins), "%s/%d", p->pins_root, WR_ABI_VERSION) < 0 ||
	    wr_format(p->state, sizeof(p->state), "%s/%s", state, p->instance) < 0 ||
	    wr_format(p->run, sizeof(p->run), "%s/%s", run, p->instance) < 0 ||
	    wr_format(p->socket, sizeof(p->socket), "%s/agent.sock", p->run) < 0)
		return -ENAMETOOLONG;
	return 0;
}

int wr_paths_init(struct wr_paths *p, const char *instance, struct wr_err *err)
{
	struct wr_paths paths = { 0 };

	if (!instance || !*instance)
		instance = WR_DEFAULT_INSTANCE;
	if (!is_instance(instance))
		return wr_err_set(err, -EINVAL,
				  "instance \"%s\": must be 1-63 of a-z, 0-9 and -, not first -",
				  instance);
	wr_copy(paths.instance, sizeof(paths.instance), instance);
	if (fill(&paths) < 0)
		return wr_err_set(err, -ENAMETOOLONG,
				  "WEIR_BPFFS, WEIR_STATE_DIR or WEIR_RUN_DIR is too long");
	*p = paths;
	return 0;
}
