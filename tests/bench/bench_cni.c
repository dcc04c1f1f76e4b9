/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs CNI plugins and the floor below them in turn, each time with a fresh network namespace, and prints what the
 * processes took from their start to their end, a JSON object a line:
 *
 *	{"verb":"add","contender":"floor","n":50,"min_us":900.0,"p50_us":1000.0,"p90_us":1200.0,"rss_kb":800}
 *
 *	bench_cni [-n RUNS] [-b BURST] [NAME PLUGIN CONFIGURATION]...
 *
 * CONFIGURATION is the file that a plugin gets on standard input. Verbs: add, del, del-again, status (where the plugin has it),
 * burst (that many ADDs at once, the time for all; five times). Without plugins it runs in a namespace of its own; with some, in the
 * caller's, where their agents are.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"
#include "lib/netns/netns.h"

#define RUNS_MAX  1000
#define BURST_MAX 256
#define BURSTS    5
#define ENV_MAX   16

struct samples {
	WR_VEC(double) us;
	long rss_kb; /* the largest */
};

enum verb {
	ADD,
	DEL,
	DEL_AGAIN,
	STATUS,
	BURST,
	VERB_MAX,
};

static const char *const verb_names[VERB_MAX] = { "add", "del", "del-again", "status", "burst" };
static const char *const cni_commands[VERB_MAX] = { "ADD", "DEL", "DEL", "STATUS", "ADD" };

struct contender {
	const char *name, *plugin, *conf; /* conf NULL: the floor */
	bool has_status;
	struct samples verbs[VERB_MAX];
};

/* One pod of one contender. */
struct pod {
	int netns;
	unsigned int number;
};

static int output = -1; /* of the last process */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int new_netns(void)
{
	wr_autofd int self = -1;
	int fd = -1;

	if (wr_netns_open_self(&self) || unshare(CLONE_NEWNET) || wr_netns_open_self(&fd) ||
	    setns(self, CLONE_NEWNET))
		die("network namespace");
	return fd;
}

static struct pod pod_new(void)
{
	static unsigned int numbers;

	return (struct pod){ .netns = new_netns(), .number = numbers++ };
}

/* The strings that a process gets, owned together. */
struct strings {
	char *v[ENV_MAX + 1];
	size_t n;
};

static void push(struct strings *s, char *text)
{
	s->v[s->n++] = text;
}

static void strings_done(struct strings *s)
{
	while (s->n)
		free(s->v[--s->n]);
}

static void floor_args(struct strings *argv, const struct contender *c, enum verb verb,
		       const struct pod *p)
{
	push(argv, wr_xstrdup(c->plugin));
	push(argv, wr_xstrdup(verb == ADD || verb == BURST ? "add" : "del"));
	if (verb == ADD || verb == BURST)
		push(argv, wr_xasprintf("/proc/%d/fd/%d", getpid(), p->netns));
	push(argv, wr_xasprintf("floor%u", p->number));
	if (verb != ADD && verb != BURST)
		return;
	push(argv, wr_xstrdup("eth0"));
	push(argv, wr_xasprintf("10.9.%u.%u", p->number >> 8 & 255, p->number & 255));
	push(argv, wr_xasprintf("fd00:9::%x", p->number + 1));
}

/* Where an instance under test has its files. */
static void pass_on(struct strings *env)
{
	for (char **e = environ; *e && env->n < ENV_MAX; e++)
		if (wr_has_prefix(*e, "WEIR_"))
			push(env, wr_xstrdup(*e));
}

static void cni_env(struct strings *env, const struct contender *c, enum verb verb,
		    const struct pod *p)
{
	push(env, wr_xasprintf("CNI_COMMAND=%s", cni_commands[verb]));
	push(env, wr_xasprintf("CNI_CONTAINERID=bench-%d-%u", getpid(), p->number));
	push(env, wr_xasprintf("CNI_NETNS=/proc/%d/fd/%d", getpid(), p->netns));
	push(env, wr_xstrdup("CNI_IFNAME=eth0"));
	push(env,
	     wr_xasprintf("CNI_PATH=%.*s", (int)(strrchr(c->plugin, '/') - c->plugin), c->plugin));
	pass_on(env);
}

static pid_t spawn(const struct contender *c, enum verb verb, const struct pod *p)
{
	wr_cleanup(strings_done) struct strings argv = { 0 };
	wr_cleanup(strings_done) struct strings env = { 0 };
	posix_spawn_file_actions_t files;
	pid_t pid;

	if (c->conf) {
		push(&argv, wr_xstrdup(c->plugin));
		cni_env(&env, c, verb, p);
	} else {
		floor_args(&argv, c, verb, p);
	}
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, c->conf ?: "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, 1);
	errno = posix_spawn(&pid, c->plugin, &files, NULL, argv.v, env.v);
	if (errno)
		die(c->plugin);
	posix_spawn_file_actions_destroy(&files);
	return pid;
}

/* Whether it ended well. */
static bool reap(pid_t pid, long *rss_kb)
{
	struct rusage usage;
	int status;

	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait4");
	*rss_kb = usage.ru_maxrss;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void fail(const struct contender *c, enum verb verb)
{
	char text[4096];
	ssize_t n = pread(output, text, sizeof(text) - 1, 0);

	fprintf(stderr, "%s: %s failed: %.*s\n", c->name, verb_names[verb], (int)WR_MAX(n, 0), text);
	exit(1);
}

static bool try(struct contender *c, enum verb verb, const struct pod *p)
{
	struct samples *s = &c->verbs[verb];
	uint64_t start;
	long rss_kb;

	if (ftruncate(output, 0) || lseek(output, 0, SEEK_SET))
		die("output");
	start = wr_now_ns();
	if (!reap(spawn(c, verb, p), &rss_kb))
		return false;
	wr_vec_push(&s->us, (double)(wr_now_ns() - start) / 1e3);
	s->rss_kb = WR_MAX(s->rss_kb, rss_kb);
	return true;
}

static void must(struct contender *c, enum verb verb, const struct pod *p)
{
	if (!try(c, verb, p))
		fail(c, verb);
}

static void run_one(struct contender *c)
{
	struct pod p = pod_new();

	must(c, ADD, &p);
	if (c->has_status)
		c->has_status = try(c, STATUS, &p);
	must(c, DEL, &p);
	if (c->conf)
		must(c, DEL_AGAIN, &p);
	close(p.netns);
}

static void run_burst(struct contender *c, int n)
{
	struct pod pods[BURST_MAX];
	pid_t pids[BURST_MAX];
	uint64_t start;
	long rss_kb;
	bool ok = true;

	for (int i = 0; i < n; i++)
		pods[i] = pod_new();
	start = wr_now_ns();
	for (int i = 0; i < n; i++)
		pids[i] = spawn(c, BURST, &pods[i]);
	for (int i = 0; i < n; i++)
		ok &= reap(pids[i], &rss_kb);
	if (!ok)
		fail(c, BURST);
	wr_vec_push(&c->verbs[BURST].us, (double)(wr_now_ns() - start) / 1e3);
	for (int i = 0; i < n; i++) {
		reap(spawn(c, DEL, &pods[i]), &rss_kb);
		close(pods[i].netns);
	}
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print(const struct contender *c, enum verb verb)
{
	const struct samples *s = &c->verbs[verb];

	if (!s->us.n)
		return;
	wr_vec_sort(&s->us, by_value);
	printf("{\"verb\":\"%s\",\"contender\":\"%s\",\"n\":%zu,\"min_us\":%.1f,\"p50_us\":%.1f,"
	       "\"p90_us\":%.1f,\"rss_kb\":%ld}\n",
	       verb_names[verb], c->name, s->us.n, s->us.v[0], s->us.v[s->us.n / 2],
	       s->us.v[s->us.n * 9 / 10], s->rss_kb);
}

static struct contender floor_beside(const char *self)
{
	const char *slash = strrchr(self, '/');

	return (struct contender){
		.name = "floor",
		.plugin = wr_xasprintf("%.*scni_floor", slash ? (int)(slash - self + 1) : 0, self),
	};
}

static int number(const char *s, int max)
{
	long n = strtol(s, NULL, 10);

	return n < 0 ? 0 : n > max ? max : (int)n;
}

int main(int argc, char **argv)
{
	WR_VEC(struct contender) all = { 0 };
	int opt, runs = 50, burst = 0;

	while ((opt = getopt(argc, argv, "n:b:")) != -1) {
		if (opt == 'n')
			runs = number(optarg, RUNS_MAX);
		else if (opt == 'b')
			burst = number(optarg, BURST_MAX);
		else
			return 2;
	}
	wr_vec_push(&all, floor_beside(argv[0]));
	for (; optind + 2 < argc; optind += 3)
		wr_vec_push(&all, (struct contender){ .name = argv[optind],
						      .plugin = argv[optind + 1],
						      .conf = argv[optind + 2],
						      .has_status = true });
	output = memfd_create("output", MFD_CLOEXEC);
	if (output < 0 || (all.n == 1 && unshare(CLONE_NEWNET)))
		die("setup");

	for (int i = 0; i < runs; i++)
		for (size_t k = 0; k < all.n; k++)
			run_one(&all.v[k]);
	for (int i = 0; burst && i < BURSTS; i++)
		for (size_t k = 0; k < all.n; k++)
			run_burst(&all.v[k], burst);
	for (size_t k = 0; k < all.n; k++)
		for (enum verb v = 0; v < VERB_MAX; v++)
			print(&all.v[k], v);
	return 0;
}
