// SPDX-License-Identifier: Apache-2.0
/* The log of address reservations: records, replay, locking, rewriting. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/base/vec.h"
#include "lib/ipam/ledger.h"

#define RECORD_MAGIC 0x31505257u /* "WRP1"; another layout takes another magic */
#define TEXT_MAX     3072        /* network, container and interface with their NULs */
#define FILE_MAX     (64 << 20)

/* What is on disk, in the machine's byte order: the file never leaves it. Padded with zeroes to 8 bytes. */
struct record {
	uint32_t magic;
	uint16_t size; /* the whole record */
	uint8_t held;
	uint8_t pad;
	uint64_t sum; /* of the record with this field zero */
	uint64_t time_ms;
	struct wr_addr addr[2];
	char text[]; /* network, container, ifname, each with its NUL */
};

static uint64_t checksum(const struct record *r, size_t size)
{
	const size_t rest = offsetof(struct record, time_ms);
	uint64_t head;

	memcpy(&head, r, sizeof(head));
	return wr_hash64_bytes((const char *)r + rest, size - rest, head);
}

static size_t text_size(const struct wr_attachment *id)
{
	return strlen(id->network) + strlen(id->container) + strlen(id->ifname) + 3;
}

/* Points @id at the three strings of @text; false: they are not all there. */
static bool split_text(char *text, size_t size, struct wr_attachment *id)
{
	char **part[] = { &id->network, &id->container, &id->ifname };
	size_t i, len;

	for (i = 0; i < WR_ARRAY_SIZE(part); i++) {
		len = strnlen(text, size);
		if (len == size)
			return false;
		*part[i] = text;
		text += len + 1;
		size -= len + 1;
	}
	return true;
}

static size_t record_size(const struct wr_attachment *id)
{
	return (sizeof(struct record) + text_size(id) + 7) & ~(size_t)7;
}

size_t wr_ledger_row_size(const struct wr_ledger_row *row)
{
	return record_size(&row->id);
}

static void add_record(struct wr_strbuf *out, const struct wr_ledger_change *c)
{
	const struct wr_attachment *id = c->id;
	const size_t size = record_size(id);
	struct record *r = wr_xcalloc(1, size);
	char *p = r->text;

	r->magic = RECORD_MAGIC;
	r->size = (uint16_t)size;
	r->held = c->held;
	r->time_ms = c->time_ms;
	memcpy(r->addr, c->addr, sizeof(r->addr));
	p = stpcpy(p, id->network) + 1;
	p = stpcpy(p, id->container) + 1;
	stpcpy(p, id->ifname);
	r->sum = checksum(r, size);
	wr_strbuf_add(out, r, size);
	free(r);
}

static uint32_t addr_hash(const struct wr_addr *addr)
{
	return wr_hash_bytes(addr, sizeof(*addr), 0);
}

struct wr_ledger_row *wr_ledger_find(const struct wr_ledger *l, const struct wr_addr *addr)
{
	struct wr_hnode *n;

	for (n = wr_hmap_first(&l->by_addr, addr_hash(addr)); n; n = wr_hmap_next(n)) {
		struct wr_ledger_row *row = WR_CONTAINER_OF(n, struct wr_ledger_row, node);

		if (wr_addr_eq(&row->addr, addr))
			return row;
	}
	return NULL;
}

struct wr_ledger_row *wr_ledger_next(const struct wr_ledger *l, struct wr_ledger_iter *it)
{
	struct wr_hnode *n = wr_hmap_iter(&l->by_addr, &it->pos, it->next);

	if (!n)
		return NULL;
	it->next = n->next;
	return WR_CONTAINER_OF(n, struct wr_ledger_row, node);
}

static struct wr_ledger_row *add_row(struct wr_ledger *l, const struct wr_addr *addr)
{
	struct wr_ledger_row *row = wr_xcalloc(1, sizeof(*row));

	row->addr = *addr;
	row->given = ++l->order;
	wr_hmap_add(&l->by_addr, &row->node, addr_hash(addr));
	return row;
}

static void set_owner(struct wr_ledger_row *row, const struct wr_attachment *id)
{
	char *text = wr_xmalloc(text_size(id)), *p = text;

	row->id.network = p;
	p = stpcpy(p, id->network) + 1;
	row->id.container = p;
	p = stpcpy(p, id->container) + 1;
	row->id.ifname = p;
	stpcpy(p, id->ifname);
	free(row->text);
	row->text = text;
}

static void apply_addr(struct wr_ledger *l, const struct wr_ledger_change *c,
		       const struct wr_addr *addr)
{
	struct wr_ledger_row *row;

	if (wr_addr_is_zero(addr))
		return;
	row = wr_ledger_find(l, addr);
	if (!row) {
		row = add_row(l, addr);
		set_owner(row, c->id);
	} else if (c->held) {
		row->given = ++l->order;
		set_owner(row, c->id);
	} else if (wr_attachment_cmp(&row->id, c->id)) {
		return;
	}
	row->held = c->held;
	row->since_ms = c->time_ms;
}

static void apply(struct wr_ledger *l, const struct wr_ledger_change *c)
{
	apply_addr(l, c, &c->addr[0]);
	apply_addr(l, c, &c->addr[1]);
}

/* The record's size, or 0: there is no whole record at @data. */
static size_t read_record(const char *data, size_t size, struct record *ret)
{
	memcpy(ret, data, WR_MIN(size, sizeof(*ret)));
	if (size < sizeof(*ret) || ret->magic != RECORD_MAGIC || ret->size % 8 ||
	    ret->size > size || ret->size < sizeof(*ret))
		return 0;
	return ret->size;
}

static bool replay_record(struct wr_ledger *l, char *data, size_t size)
{
	struct wr_attachment id;
	struct record r;

	memcpy(&r, data, sizeof(r));
	if (r.sum != checksum((struct record *)data, size) ||
	    !split_text(data + sizeof(r), size - sizeof(r), &id))
		return false;
	apply(l, &(struct wr_ledger_change){ .id = &id,
					     .addr = { r.addr[0], r.addr[1] },
					     .time_ms = r.time_ms,
					     .held = r.held });
	return true;
}

/* Records start at multiples of 8; what is not one is stepped over. */
static void replay(struct wr_ledger *l, char *data, size_t size)
{
	struct record r;
	size_t pos = 0, n;

	while (pos < size) {
		n = read_record(data + pos, size - pos, &r);
		if (n && replay_record(l, data + pos, n)) {
			pos += n;
			l->end = (off_t)pos;
		} else {
			pos += 8;
		}
	}
}

static int read_all(struct wr_ledger *l, size_t size)
{
	wr_autofree char *data = NULL;
	ssize_t n;

	if (!size)
		return 0;
	if (size > FILE_MAX)
		return -EFBIG;
	data = wr_xmalloc(size);
	n = pread(l->fd, data, size, 0);
	if (n < 0)
		return -errno;
	replay(l, data, (size_t)n);
	return 0;
}

/* flock has no deadline, and a timer signal is not a library's to take: so it is tried, ever more slowly. */
static int lock_until(int fd, uint64_t deadline_ms)
{
	int us = 50;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (wr_now_ms() >= deadline_ms)
			return -EAGAIN;
		ppoll(NULL, 0, &(struct timespec){ .tv_nsec = us * 1000 }, NULL);
		us = WR_MIN(us * 2, 2000);
	}
	return 0;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* -ESTALE: the file was replaced while we waited for its lock. */
static int open_locked(const char *path, uint64_t deadline_ms, int *ret_fd, size_t *ret_size)
{
	wr_autofd int fd = open_file(path);
	struct stat st;
	int r;

	if (fd < 0)
		return wr_take_fd(&fd);
	r = lock_until(fd, deadline_ms);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!st.st_nlink)
		return wr_now_ms() < deadline_ms ? -ESTALE : -EAGAIN;
	*ret_size = (size_t)st.st_size;
	*ret_fd = wr_take_fd(&fd);
	return 0;
}

int wr_ledger_open(const char *dir, uint64_t wait_ms, struct wr_ledger *ret, struct wr_err *err)
{
	const uint64_t deadline = wr_now_ms() + wait_ms;
	struct wr_ledger l = { .fd = -1 };
	size_t size = 0;
	int r;

	r = wr_format(l.path, sizeof(l.path), "%s/leases", dir);
	if (r < 0)
		return wr_err_sys(err, r, "address store %s", dir);
	r = open_locked(l.path, deadline, &l.fd, &size);
	if (r == -ENOENT) {
		r = wr_mkdirs(dir, 0700);
		if (r == 0)
			r = -ESTALE;
	}
	while (r == -ESTALE)
		r = open_locked(l.path, deadline, &l.fd, &size);
	if (r == -EAGAIN)
		return wr_err_set_cni(err, 11, r, "address store %s: still locked after %llu ms",
				      l.path, (unsigned long long)wait_ms);
	if (r == 0)
		r = read_all(&l, size);
	if (r < 0) {
		wr_ledger_done(&l);
		return wr_err_sys(err, r, "address store %s", l.path);
	}
	*ret = l;
	return 0;
}

static void free_row(struct wr_ledger_row *row)
{
	free(row->text);
	free(row);
}

void wr_ledger_done(struct wr_ledger *l)
{
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;

	while ((row = wr_ledger_next(l, &it)))
		free_row(row);
	wr_hmap_done(&l->by_addr);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

int wr_ledger_append(struct wr_ledger *l, const struct wr_ledger_change *c, struct wr_err *err)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;
	ssize_t n;

	if (text_size(c->id) > TEXT_MAX)
		return wr_err_set(err, -ENAMETOOLONG,
				  "network, container and interface names of %zu bytes are more than the %d "
				  "that a reservation can hold",
				  text_size(c->id), TEXT_MAX);
	add_record(&out, c);
	n = pwrite(l->fd, out.buf, out.len, l->end);
	if (n != (ssize_t)out.len)
		return wr_err_sys(err, n < 0 ? -errno : -ENOSPC, "address store %s: cannot write",
				  l->path);
	l->end += n;
	apply(l, c);
	return 0;
}

struct turn {
	uint64_t given;
	const struct wr_ledger_row *row;
};

static int by_given(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	return (x->given > y->given) - (x->given < y->given);
}

/* In the order in which they were given, so that replaying them gives the same order. */
static void add_rows(const struct wr_ledger *l, struct wr_strbuf *out)
{
	WR_VEC(struct turn) turns = { 0 };
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;
	size_t i;

	while ((row = wr_ledger_next(l, &it)))
		if (row->kept)
			wr_vec_push(&turns, (struct turn){ row->given, row });
	wr_vec_sort(&turns, by_given);
	for (i = 0; i < turns.n; i++) {
		const struct wr_ledger_row *r = turns.v[i].row;

		add_record(out, &(struct wr_ledger_change){ .id = &r->id,
							    .addr = { r->addr },
							    .time_ms = r->since_ms,
							    .held = r->held });
	}
	wr_vec_done(&turns);
}

static void forget_rows(struct wr_ledger *l)
{
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;

	while ((row = wr_ledger_next(l, &it))) {
		if (row->kept)
			continue;
		wr_hmap_del(&l->by_addr, &row->node);
		free_row(row);
	}
}

/* Whoever opens the new name finds it locked, by us; so does nobody in between. */
static int replace_file(struct wr_ledger *l, const struct wr_strbuf *data)
{
	wr_autofree char *tmp = wr_xasprintf("%s.tmp", l->path);
	wr_autofd int fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : wr_write_all(fd, data->buf, data->len);
	if (r == 0 && rename(tmp, l->path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(tmp);
		return r;
	}
	close(l->fd);
	l->fd = wr_take_fd(&fd);
	l->end = (off_t)data->len;
	return 0;
}

int wr_ledger_rewrite(struct wr_ledger *l, struct wr_err *err)
{
	wr_auto_strbuf out = WR_STRBUF_INIT;
	int r;

	add_rows(l, &out);
	r = replace_file(l, &out);
	if (r < 0)
		return wr_err_sys(err, r, "address store %s: cannot rewrite", l->path);
	forget_rows(l);
	return 0;
}
