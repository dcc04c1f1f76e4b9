// SPDX-License-Identifier: Apache-2.0
/* Reading an HTTP request's head (RFC 9112): request line and fields, of which only the end matters. */
#include <string.h>

#include "agent/httpd.h"
#include "lib/base/str.h"

static const struct {
	int status;
	const char *text;
} texts[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 414, "URI Too Long" },
	{ 431, "Request Header Fields Too Large" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

const char *wr_httpd_status_text(int status)
{
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Unknown";
}

static bool is_head_whole(const char *data, size_t size)
{
	return memmem(data, size, "\r\n\r\n", 4) || memmem(data, size, "\n\n", 2);
}

/* A line of control characters is not HTTP, whatever follows. */
static bool is_text(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || (unsigned char)line[i] >= 0x7f)
			return false;
	return true;
}

static int parse_target(const char *target, size_t len, char path[256])
{
	const char *query = memchr(target, '?', len);

	if (query)
		len = (size_t)(query - target);
	if (len == 0 || target[0] != '/')
		return -400;
	if (len >= 256)
		return -414;
	memcpy(path, target, len);
	path[len] = '\0';
	return 0;
}

static int parse_line(const char *line, size_t len, struct wr_httpd_request *req)
{
	const char *space = memchr(line, ' ', len), *version;
	size_t method_len;

	if (!space || !is_text(line, len))
		return -400;
	method_len = (size_t)(space - line);
	version = memrchr(space + 1, ' ', len - method_len - 1);
	if (!version)
		return -400;
	if (line + len - version != 9 || memcmp(version, " HTTP/", 6) || version[7] != '.')
		return -400;
	if (version[6] != '1')
		return -505;
	req->head = method_len == 4 && !memcmp(line, "HEAD", 4);
	if (!req->head && (method_len != 3 || memcmp(line, "GET", 3)))
		return -405;
	return parse_target(space + 1, (size_t)(version - space) - 1, req->path);
}

int wr_httpd_parse(const char *data, size_t size, struct wr_httpd_request *ret)
{
	struct wr_httpd_request req = { 0 };
	const char *end = memchr(data, '\n', size);
	size_t len;
	int r;

	if (!end)
		return size >= WR_HTTPD_REQUEST_MAX ? -414 : 0;
	len = (size_t)(end - data);
	if (len && data[len - 1] == '\r')
		len--;
	r = parse_line(data, len, &req);
	if (r)
		return r;
	if (!is_head_whole(data, size))
		return size >= WR_HTTPD_REQUEST_MAX ? -431 : 0;
	*ret = req;
	return 1;
}
