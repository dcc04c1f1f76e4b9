/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request to the agent's HTTP port, as it arrives: ever more of the same bytes. Once judged, further bytes change nothing; a path
 * that was taken is a path.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/httpd.h"
#include "lib/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_request(const struct wr_httpd_request *req)
{
	if (req->path[0] != '/' || strnlen(req->path, sizeof(req->path)) == sizeof(req->path) ||
	    strchr(req->path, '?') || strchr(req->path, '\n'))
		abort();
}

/* The part's bytes in memory of their own, so that reading past them is seen. */
static int parse(const uint8_t *data, size_t size, struct wr_httpd_request *ret)
{
	char *part = malloc(size ? size : 1);
	int r;

	if (!part)
		abort();
	memcpy(part, data, size);
	r = wr_httpd_parse(part, size, ret);
	free(part);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wr_httpd_request req = { 0 };
	size_t len, step = size / 16 + 1;
	int first = 0, r;

	if (size > WR_HTTPD_REQUEST_MAX)
		size = WR_HTTPD_REQUEST_MAX;
	for (len = 0; len < size + step && !first; len += step)
		first = parse(data, len < size ? len : size, &req);
	if (first == 1)
		check_request(&req);
	r = parse(data, size, &req);
	if (first && r != first)
		abort();
	if (r < 0 && wr_streq(wr_httpd_status_text(-r), "Unknown"))
		abort();
	return 0;
}
