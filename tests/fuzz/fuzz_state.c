/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a node keeps: an endpoint's record and a tombstone (the text before a NUL), and the ledger of addresses after
 * it. What cannot be read is stepped over; what was read is the same after the ledger has been written again.
 *
 * Of a ledger whose first byte is odd, the sums are put right first: else no change would get past them.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/ipam/ledger.h"
#include "lib/json/json.h"
#include "lib/model/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a record in the ledger: lib/ipam/ledger.c. */
#define MAGIC   0x31505257u
#define SIZE_AT 4
#define SUM_AT  8
#define REST_AT 16
#define RECORD  56

static char dir[64];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_dir(void)
{
	nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_dir(void)
{
	char path[128];

	snprintf(dir, sizeof(dir), "/tmp/fuzz_state.XXXXXX");
	if (!mkdtemp(dir) || atexit(remove_dir))
		abort();
	snprintf(path, sizeof(path), "%s/endpoints", dir);
	if (mkdir(path, 0700))
		abort();
	snprintf(path, sizeof(path), "%s/tombstones", dir);
	if (mkdir(path, 0700))
		abort();
}

static void put_file(const char *name, const void *data, size_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

/* The name that a file of this text must have, as far as the text says whose it is. */
static void name_file(const char *kind, const char *text, size_t len, char ret[128])
{
	struct wr_attachment id = { 0 };
	wr_auto_json *j = NULL;
	char key[64] = "x";

	if (wr_json_parse(text, len, &j, NULL) == 0 && wr_attachment_decode(j, &id, NULL) == 0)
		wr_attachment_key(&id, key);
	wr_attachment_done(&id);
	snprintf(ret, 128, "%s/%s.json", kind, key);
}

static void drop_file(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (unlink(path))
		abort();
}

static void read_records(const char *text, size_t len)
{
	struct wr_attachments gone = { 0 };
	struct wr_records records = { 0 };
	char record[128], tombstone[128];
	size_t bad;

	name_file("endpoints", text, len, record);
	name_file("tombstones", text, len, tombstone);
	put_file(record, text, len);
	put_file(tombstone, text, len);
	if (wr_records_load(dir, &records, &bad, NULL) || records.v.n + bad != 1)
		abort();
	if (wr_tombstones_load(dir, &gone, NULL) || gone.v.n > 1)
		abort();
	wr_attachments_done(&gone);
	wr_records_done(&records);
	drop_file(record);
	drop_file(tombstone);
}

/* Magic and sum of each record, in place; its own size says where the next one is. */
static void mend(uint8_t *data, size_t size)
{
	const uint32_t magic = MAGIC;
	uint64_t head, sum;
	uint16_t len;

	for (; size >= RECORD; data += len, size -= len) {
		memcpy(data, &magic, sizeof(magic));
		memcpy(&len, data + SIZE_AT, sizeof(len));
		len &= 0xf8;
		if (len < RECORD || len > size)
			len = RECORD + 8 <= size ? RECORD + 8 : RECORD;
		memcpy(data + SIZE_AT, &len, sizeof(len));
		memcpy(&head, data, sizeof(head));
		sum = wr_hash64_bytes(data + REST_AT, len - REST_AT, head);
		memcpy(data + SUM_AT, &sum, sizeof(sum));
	}
}

/* Rows, all of them kept from now on; @ret_sum is the same for the same rows. */
static size_t take_rows(struct wr_ledger *l, uint64_t *ret_sum)
{
	struct wr_ledger_iter it = { 0 };
	struct wr_ledger_row *row;
	uint64_t sum = 0;
	size_t n = 0;

	for (; (row = wr_ledger_next(l, &it)); n++) {
		if (wr_addr_is_zero(&row->addr) || wr_ledger_find(l, &row->addr) != row)
			abort();
		row->kept = true;
		sum += wr_hash64_bytes(&row->addr, sizeof(row->addr),
				       row->since_ms + row->held + strlen(row->id.network) +
					       strlen(row->id.container) + strlen(row->id.ifname));
	}
	*ret_sum = sum;
	return n;
}

static void read_ledger(void)
{
	struct wr_ledger l;
	uint64_t before, after;
	size_t n;

	if (wr_ledger_open(dir, 1000, &l, NULL))
		abort();
	n = take_rows(&l, &before);
	if (wr_ledger_rewrite(&l, NULL))
		abort();
	wr_ledger_done(&l);
	if (wr_ledger_open(dir, 1000, &l, NULL))
		abort();
	if (take_rows(&l, &after) != n || before != after)
		abort();
	wr_ledger_done(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	const size_t len = nul ? (size_t)(nul - data) : size;
	wr_autofree uint8_t *ledger = NULL;

	if (!dir[0])
		make_dir();
	read_records((const char *)data, len);
	if (!nul || size < len + 2)
		return 0;
	size -= len + 2;
	ledger = wr_xmalloc(size + 1);
	memcpy(ledger, nul + 2, size);
	if (nul[1] & 1)
		mend(ledger, size);
	put_file("leases", ledger, size);
	read_ledger();
	return 0;
}
