/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi interface behind one epoll descriptor. */
#include "agent/k8s/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/strbuf.h"
#include "lib/json/json.h"

#define TOKEN_AGE_MS   30000
#define ERROR_BODY_MAX 4096
#define EVENTS_A_ROUND 16

struct wr_http {
	CURLM *multi;
	int epoll, timer;
	struct wr_k8s_access access;
	size_t server;
	char *bearer; /* "Authorization: Bearer ..." */
	uint64_t bearer_ms;
	uint64_t bytes;
	struct wr_http_call *calls;
};

struct wr_http_call {
	struct wr_http_call *prev, *next;
	struct wr_http *http;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	struct wr_strbuf error_body; /* of an answer that is no 2xx */
	char curl_error[CURL_ERROR_SIZE];
	int data_error;
	bool waiting; /* begun in a callback of libcurl: to be added after it */
	size_t server;
	int (*data)(void *ctx, const char *data, size_t size);
	void (*done)(void *ctx, const struct wr_http_result *result);
	void *ctx;
};

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct wr_http *h = ctx;
	struct epoll_event event = { .data.fd = fd };

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(h->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) && errno == EEXIST)
		epoll_ctl(h->epoll, EPOLL_CTL_MOD, fd, &event);
	curl_multi_assign(h->multi, fd, h);
	return 0;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *ctx)
{
	struct wr_http *h = ctx;
	struct itimerspec when = { 0 };

	if (timeout_ms >= 0) {
		when.it_value.tv_sec = timeout_ms / 1000;
		when.it_value.tv_nsec = timeout_ms % 1000 * 1000000;
		if (!timeout_ms)
			when.it_value.tv_nsec = 1; /* zero would disarm */
	}
	timerfd_settime(h->timer, 0, &when, NULL);
	return 0;
}

static int open_descriptors(struct wr_http *h)
{
	struct epoll_event event = { .events = EPOLLIN };

	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0)
		return -errno;
	h->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (h->timer < 0)
		return -errno;
	event.data.fd = h->timer;
	return epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->timer, &event) ? -errno : 0;
}

int wr_http_open(struct wr_k8s_access *access, struct wr_http **ret, struct wr_err *err)
{
	struct wr_http *h;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return wr_err_set(err, -ENOMEM, "libcurl could not be initialised");
	h = wr_xcalloc(1, sizeof(*h));
	h->epoll = h->timer = -1;
	h->multi = curl_multi_init();
	r = h->multi ? open_descriptors(h) : -ENOMEM;
	if (r) {
		wr_http_close(h);
		return wr_err_sys(err, r, "HTTP client");
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	h->access = *access;
	*access = (struct wr_k8s_access){ 0 };
	*ret = h;
	return 0;
}

static void unlink_call(struct wr_http_call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->http->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static void free_call(struct wr_http_call *c)
{
	unlink_call(c);
	if (c->easy) {
		curl_multi_remove_handle(c->http->multi, c->easy);
		curl_easy_cleanup(c->easy);
	}
	curl_slist_free_all(c->headers);
	free(c->body);
	wr_strbuf_done(&c->error_body);
	free(c);
}

void wr_http_cancel(struct wr_http *h, struct wr_http_call *call)
{
	free_call(call);
}

void wr_http_close(struct wr_http *h)
{
	struct wr_http_call *c, *next;

	for (c = h->calls; c; c = next) {
		next = c->next;
		free_call(c);
	}
	if (h->multi)
		curl_multi_cleanup(h->multi);
	wr_close_p(&h->timer);
	wr_close_p(&h->epoll);
	wr_k8s_access_done(&h->access);
	free(h->bearer);
	free(h);
}

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct wr_http_call *c = ctx;
	long status = 0;

	n *= size;
	c->http->bytes += n;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299) {
		if (c->error_body.len < ERROR_BODY_MAX)
			wr_strbuf_add(&c->error_body, data,
				      WR_MIN(n, ERROR_BODY_MAX - c->error_body.len));
		return n;
	}
	if (c->data)
		c->data_error = c->data(c->ctx, data, n);
	return c->data_error ? 0 : n;
}

/* A projected token is replaced by the kubelet long before it expires; reading it often is cheap. */
static const char *bearer(struct wr_http *h)
{
	wr_autofree char *text = NULL;
	const char *token = h->access.token;

	if (h->bearer && (token || wr_now_ms() - h->bearer_ms < TOKEN_AGE_MS))
		return h->bearer;
	if (!token && h->access.token_file &&
	    wr_read_file(h->access.token_file, 1u << 16, &text, NULL) == 0) {
		text[strcspn(text, "\r\n")] = '\0';
		token = text;
	}
	if (token) {
		free(h->bearer);
		h->bearer = wr_xasprintf("Authorization: Bearer %s", token);
		h->bearer_ms = wr_now_ms();
	}
	return h->bearer;
}

static void set_blob(CURL *easy, CURLoption option, const char *text)
{
	struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };
	union {
		const char *in;
		void *out;
	} unconst = { .in = text };

	if (!text)
		return;
	blob.data = unconst.out;
	blob.len = strlen(text);
	curl_easy_setopt(easy, option, &blob);
}

static void set_tls(CURL *easy, const struct wr_k8s_access *a)
{
	set_blob(easy, CURLOPT_CAINFO_BLOB, a->ca);
	set_blob(easy, CURLOPT_SSLCERT_BLOB, a->cert);
	set_blob(easy, CURLOPT_SSLKEY_BLOB, a->key);
	if (a->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_headers(struct wr_http_call *c, const struct wr_http_request *rq)
{
	const char *authorization = bearer(c->http);

	c->headers = curl_slist_append(NULL, "Accept: application/json");
	if (authorization)
		c->headers = curl_slist_append(c->headers, authorization);
	if (rq->body) {
		wr_autofree char *type = wr_xasprintf("Content-Type: %s", rq->content_type);

		c->headers = curl_slist_append(c->headers, type);
		c->body = wr_xstrdup(rq->body);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body);
	}
	curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, rq->method);
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

/* A silent peer is noticed within half a minute, also under a watch that has nothing to say: probes alone would take nine more. */
static int on_connecting(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	static const unsigned int patience_ms = 30000;

	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof(patience_ms));
	return CURL_SOCKOPT_OK;
}

static void set_transport(CURL *easy, long timeout_ms)
{
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 10L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_connecting);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir-agent");
}

struct wr_http_call *wr_http_start(struct wr_http *h, const struct wr_http_request *rq)
{
	struct wr_http_call *c = wr_xcalloc(1, sizeof(*c));
	wr_autofree char *url = wr_xasprintf("%s%s", wr_http_server(h), rq->path);

	*c = (struct wr_http_call){ .next = h->calls,
				    .http = h,
				    .server = h->server,
				    .data = rq->data,
				    .done = rq->done,
				    .ctx = rq->ctx,
				    .error_body = WR_STRBUF_INIT };
	if (h->calls)
		h->calls->prev = c;
	h->calls = c;
	c->easy = curl_easy_init();
	if (!c->easy)
		abort(); /* out of memory, as wr_xmalloc */
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->curl_error);
	set_transport(c->easy, rq->timeout_ms);
	set_tls(c->easy, &h->access);
	set_headers(c, rq);
	c->waiting = curl_multi_add_handle(h->multi, c->easy) == CURLM_RECURSIVE_API_CALL;
	return c;
}

/* The sentence in the API's Status object, else the body's first line. */
static char *server_message(struct wr_http_call *c, long status)
{
	wr_auto_json *j = NULL;
	const char *message = NULL;

	if (wr_json_parse(c->error_body.buf, c->error_body.len, &j, NULL) == 0)
		message = wr_json_get_str(j, "message");
	if (message)
		return wr_xasprintf("%s (HTTP %ld)", message, status);
	return wr_xasprintf("%.*s (HTTP %ld)", (int)strcspn(c->error_body.buf, "\r\n"),
			    c->error_body.buf, status);
}

static char *error_of(struct wr_http_call *c, CURLcode code, long status)
{
	const char *server = c->http->access.servers.v[c->server];

	if (c->data_error)
		return wr_xasprintf("%s", strerror(-c->data_error));
	if (code != CURLE_OK)
		return wr_xasprintf("%s: %s", server,
				    c->curl_error[0] ? c->curl_error : curl_easy_strerror(code));
	if (status < 200 || status > 299)
		return server_message(c, status);
	return NULL;
}

/* It is not there, or is not well, or what stands before it says so. */
static bool is_servers_fault(const struct wr_http_call *c, CURLcode code, long status)
{
	if (c->data_error)
		return false;
	return code != CURLE_OK || (status >= 500 && status <= 504 && status != 501);
}

static void finish(struct wr_http *h, CURL *easy, CURLcode code)
{
	struct wr_http_result result = { 0 };
	wr_autofree char *error = NULL;
	struct wr_http_call *c;
	curl_off_t retry = 0;
	char *private = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	c = (struct wr_http_call *)(void *)private;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &result.status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
	result.retry_after = (uint32_t)retry;
	error = error_of(c, code, result.status);
	result.error = error;
	/* Another server, unless an earlier failure of this one has moved on already. */
	if (is_servers_fault(c, code, result.status) && c->server == h->server)
		h->server = (h->server + 1) % h->access.servers.n;
	curl_multi_remove_handle(h->multi, easy);
	if (c->done)
		c->done(c->ctx, &result);
	free_call(c);
}

static void act(struct wr_http *h, int fd, uint32_t events)
{
	int running, mask = 0;
	uint64_t ticks;

	if (fd == h->timer) {
		if (read(h->timer, &ticks, sizeof(ticks)) == sizeof(ticks))
			curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		return;
	}
	if (events & (EPOLLIN | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(h->multi, fd, mask, &running);
}

/* Data of a watch may have asked for more calls. */
static void add_waiting(struct wr_http *h)
{
	struct wr_http_call *c;

	for (c = h->calls; c; c = c->next)
		if (c->waiting)
			c->waiting = curl_multi_add_handle(h->multi, c->easy) ==
				     CURLM_RECURSIVE_API_CALL;
}

void wr_http_process(struct wr_http *h)
{
	struct epoll_event events[EVENTS_A_ROUND];
	int n = epoll_wait(h->epoll, events, EVENTS_A_ROUND, 0), left;
	CURLMsg *message;

	for (int i = 0; i < n; i++)
		act(h, events[i].data.fd, events[i].events);
	add_waiting(h);
	while ((message = curl_multi_info_read(h->multi, &left)))
		if (message->msg == CURLMSG_DONE)
			finish(h, message->easy_handle, message->data.result);
}

int wr_http_fd(const struct wr_http *h)
{
	return h->epoll;
}

const char *wr_http_server(const struct wr_http *h)
{
	return h->access.servers.v[h->server];
}

struct wr_k8s_access *wr_http_access(struct wr_http *h)
{
	return &h->access;
}

uint64_t wr_http_bytes(const struct wr_http *h)
{
	return h->bytes;
}
