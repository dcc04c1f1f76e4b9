// SPDX-License-Identifier: Apache-2.0
/* The plugin's side of the conversation with the agent. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cni/agent.h"
#include "cni/codes.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/model/records.h"

#define CLIENT    "weir-cni " WR_VERSION
#define CONTACT   "last-contact"
#define RETRY_MS  10
#define RETRY_MAX 100

static int begin(const struct wr_cni *cni, struct wr_err *err)
{
	struct wr_json *body;
	wr_autofd int fd = -1;
	int r;

	r = wr_wire_connect(cni->paths.socket, &fd, err);
	if (r < 0)
		return r;
	body = wr_json_new_object();
	wr_json_add_str(body, "client", CLIENT);
	r = wr_wire_send(fd, "hello", body, WR_CNI_ANSWER_MS, err);
	return r < 0 ? r : wr_take_fd(&fd);
}

int wr_cni_agent_begin(const struct wr_cni *cni)
{
	int fd = begin(cni, NULL);

	return fd < 0 ? -1 : fd;
}

static int take_hello(int fd, struct wr_hello *ret, struct wr_err *err)
{
	struct wr_hello greeting = { 0 };
	wr_auto_json *answer = NULL;
	int r;

	r = wr_wire_receive(fd, "hello", WR_CNI_ANSWER_MS, &answer, err);
	if (r == 0)
		r = wr_hello_decode(answer, &greeting, err);
	if (r < 0)
		return r;
	if (!greeting.ready) {
		r = wr_err_set(err, -EAGAIN, "the agent is not ready: %s", greeting.reason ?: "");
		wr_hello_done(&greeting);
		return r;
	}
	*ret = greeting;
	return 0;
}

static int greet_once(const struct wr_cni *cni, int *begun, struct wr_hello *ret, struct wr_err *err)
{
	wr_autofd int fd = wr_take_fd(begun);
	int r;

	if (fd < 0)
		fd = begin(cni, err);
	if (fd < 0)
		return fd;
	r = take_hello(fd, ret, err);
	if (r == 0)
		*begun = wr_take_fd(&fd);
	return r;
}

/* A socket that nobody serves yet cannot be waited for, so it is tried again and again. */
int wr_cni_agent_greet(const struct wr_cni *cni, uint64_t wait_ms, int *fd, struct wr_hello *ret,
		       struct wr_err *err)
{
	const uint64_t start = wr_now_ms();
	int pause = RETRY_MS, r;

	for (;;) {
		struct wr_err last = WR_ERR_INIT;

		r = greet_once(cni, fd, ret, &last);
		if (r == 0)
			return 0;
		if (wr_now_ms() - start >= wait_ms)
			return wr_err_set_cni(err, WR_CNI_TRY_AGAIN, -EAGAIN, "%s (for %llu s)",
					      last.msg, (unsigned long long)wait_ms / 1000);
		poll(NULL, 0, pause);
		pause = WR_MIN(pause * 2, RETRY_MAX);
	}
}

int wr_cni_agent_release_begin(const struct wr_cni *cni, const struct wr_attachment *id)
{
	struct wr_json *body;
	wr_autofd int fd = -1;
	int r;

	r = wr_wire_connect(cni->paths.socket, &fd, NULL);
	if (r < 0)
		return -1;
	body = wr_json_new_object();
	wr_json_add_str(body, "network", id->network);
	wr_json_add_str(body, "container", id->container);
	wr_json_add_str(body, "ifname", id->ifname);
	r = wr_wire_send(fd, "release", body, WR_CNI_ANSWER_MS, NULL);
	return r < 0 ? -1 : wr_take_fd(&fd);
}

int wr_cni_agent_release_end(const struct wr_cni *cni, const struct wr_attachment *id, int begun,
			     struct wr_err *err)
{
	wr_autofd int fd = begun;

	if (fd >= 0 && wr_wire_receive(fd, "release", WR_CNI_ANSWER_MS, NULL, NULL) == 0)
		return 0;
	return wr_tombstone_put(cni->paths.state, id, err);
}

static int contact_path(const struct wr_paths *paths, char *buf, size_t size)
{
	return wr_format(buf, size, "%s/" CONTACT, paths->state);
}

/* Best effort: without the file an agent's absence counts from its start. */
void wr_cni_contact_touch(const struct wr_paths *paths)
{
	char path[WR_PATH_SIZE];
	int fd;

	if (contact_path(paths, path, sizeof(path)) < 0 || utimensat(AT_FDCWD, path, NULL, 0) == 0)
		return;
	if (errno != ENOENT || wr_mkdirs(paths->state, 0700) < 0)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

/* A contact in the future is a clock that was set back: it proves nothing. */
bool wr_cni_contact_in_grace(const struct wr_paths *paths)
{
	char path[WR_PATH_SIZE];
	const uint64_t now = wr_real_ms();
	uint64_t contact;
	struct stat st;

	if (wr_boot_ns() / 1000000 < WR_CNI_GRACE_MS)
		return true;
	if (contact_path(paths, path, sizeof(path)) < 0 || stat(path, &st) < 0)
		return false;
	contact = (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
	return contact <= now && now - contact < WR_CNI_GRACE_MS;
}
