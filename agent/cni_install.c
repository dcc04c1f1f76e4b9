// SPDX-License-Identifier: Apache-2.0
/* Watching the runtimes' directories, and putting our files back. */
#include "agent/cni_install.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cni_files.h"
#include "agent/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define SETTLE_MS 200   /* after a change: a package manager works in several steps */
#define RETRY_MS  10000 /* after a failure, and where a directory cannot be watched */
#define WATCHED \
	(IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)

struct wr_cni_install {
	struct wr_agent *agent;
	struct wr_io io;
	struct wr_timer timer;
	bool installed; /* both files were in place once */
	bool warned;    /* about a rival */
	struct wr_ratelimit limit;
};

static void warn_of_rival(struct wr_cni_install *in)
{
	wr_autofree char *rival = wr_cni_find_rival(in->agent->config);

	if (rival && !in->warned)
		wr_log(WR_LOG_WARN, "another network configuration comes before ours",
		       WR_S("file", rival), WR_S("directory", in->agent->config->cni_conf_dir));
	in->warned = rival != NULL;
}

static int install(struct wr_cni_install *in, struct wr_err *err)
{
	const struct wr_agent_config *c = in->agent->config;
	int r, written = wr_cni_put_plugin(c, err);

	if (written < 0)
		return written;
	if (!in->installed && !wr_health_is_ready(&in->agent->health))
		return 0;
	r = c->cni_replace ? wr_cni_disable_others(c, err) : 0;
	if (r < 0)
		return r;
	r = wr_cni_put_conflist(c, err);
	if (r < 0)
		return r;
	if (written || r)
		wr_log(WR_LOG_INFO, in->installed ? "CNI files were put back" : "CNI files installed",
		       WR_S("binaries", c->cni_bin_dir), WR_S("configurations", c->cni_conf_dir));
	in->installed = true;
	warn_of_rival(in);
	return 0;
}

/* The same directory gives the same watch, so adding again is how a directory that came back is found. */
static bool watch(struct wr_cni_install *in)
{
	const struct wr_agent_config *c = in->agent->config;
	int a = inotify_add_watch(in->io.fd, c->cni_bin_dir, WATCHED | IN_ONLYDIR);
	int b = inotify_add_watch(in->io.fd, c->cni_conf_dir, WATCHED | IN_ONLYDIR);

	return a >= 0 && b >= 0;
}

static void run(struct wr_timer *t)
{
	struct wr_cni_install *in = WR_CONTAINER_OF(t, struct wr_cni_install, timer);
	struct wr_err err = WR_ERR_INIT;
	uint32_t suppressed;
	int r;

	r = install(in, &err);
	if (r < 0 && wr_ratelimit_pass(&in->limit, wr_loop_now(in->agent->loop), &suppressed))
		wr_log(WR_LOG_ERROR, "CNI files could not be installed", WR_E(&err),
		       WR_I("suppressed", suppressed));
	if (!watch(in) || r < 0)
		wr_timer_start(in->agent->loop, t, RETRY_MS, run);
}

static void changed(struct wr_io *io, uint32_t events)
{
	struct wr_cni_install *in = WR_CONTAINER_OF(io, struct wr_cni_install, io);
	char buf[4096];

	while (read(io->fd, buf, sizeof(buf)) > 0)
		;
	wr_timer_start(in->agent->loop, &in->timer, SETTLE_MS, run);
}

int wr_cni_install_start(struct wr_agent *a, struct wr_err *err)
{
	wr_autofd int fd = -1;
	struct wr_cni_install *in;
	int r;

	if (!a->config->install_cni || a->retiring)
		return 0;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return wr_err_sys(err, -errno, "inotify");
	in = wr_xcalloc(1, sizeof(*in));
	in->agent = a;
	in->limit = (struct wr_ratelimit){ .burst = 1, .window_ms = 60000 };
	r = wr_io_add(a->loop, &in->io, fd, EPOLLIN, changed);
	if (r) {
		free(in);
		return wr_err_sys(err, r, "epoll");
	}
	wr_take_fd(&fd);
	a->cni = in;
	wr_timer_start(a->loop, &in->timer, 0, run);
	return 0;
}

void wr_cni_install_poke(struct wr_agent *a)
{
	if (a->cni && !a->cni->installed)
		wr_timer_start(a->loop, &a->cni->timer, 0, run);
}

void wr_cni_install_stop(struct wr_agent *a)
{
	if (!a->cni)
		return;
	wr_timer_stop(a->loop, &a->cni->timer);
	wr_io_del(a->loop, &a->cni->io);
	close(a->cni->io.fd);
	free(a->cni);
	a->cni = NULL;
}
