// SPDX-License-Identifier: Apache-2.0
/* ADD's step that gets addresses. */
#include <errno.h>

#include "cni/add.h"
#include "cni/codes.h"
#include "cni/delegate.h"
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/ipam/ipam.h"

static bool has_family(const struct wr_hello *hello, bool want4)
{
	size_t i;

	for (i = 0; i < hello->pools.n; i++)
		if (wr_addr_is4(&hello->pools.v[i].addr) == want4)
			return true;
	return false;
}

/* A node's pools decide which families its pods have. */
static struct wr_ipam_request request_of(const struct wr_cni_adding *a)
{
	return (struct wr_ipam_request){ .pools = a->hello.pools.v,
					 .n_pools = a->hello.pools.n,
					 .taken = a->hello.taken.v,
					 .n_taken = a->hello.taken.n,
					 .want4 = has_family(&a->hello, true),
					 .want6 = has_family(&a->hello, false),
					 .fixed4 = a->wish.addr4,
					 .fixed6 = a->wish.addr6 };
}

static int reserve_own(struct wr_cni_adding *a, struct wr_err *err)
{
	const struct wr_ipam_request req = request_of(a);
	struct wr_ipam_result res;
	wr_auto_ipam *ipam = NULL;
	char dir[WR_PATH_SIZE];
	int r;

	if (!a->hello.pools.n)
		return wr_err_set_cni(err, WR_CNI_TRY_AGAIN, -EAGAIN,
				      "this node has no pod range yet");
	r = wr_format(dir, sizeof(dir), "%s/ipam", a->cni->paths.state);
	if (r == 0)
		r = wr_ipam_open(dir, &ipam, err);
	if (r < 0)
		return r;
	a->new_addresses = wr_ipam_get(ipam, &a->cni->id, &res) == -ENOENT;
	r = wr_ipam_allocate(ipam, &a->cni->id, &req, &res, err);
	if (r < 0)
		return r;
	a->rec.addr4 = res.addr4;
	a->rec.addr6 = res.addr6;
	return 0;
}

static void release_own(struct wr_cni_adding *a)
{
	wr_auto_ipam *ipam = NULL;
	char dir[WR_PATH_SIZE];

	if (wr_format(dir, sizeof(dir), "%s/ipam", a->cni->paths.state) == 0 &&
	    wr_ipam_open(dir, &ipam, NULL) == 0)
		wr_ipam_release(ipam, &a->cni->id, NULL);
}

static int take_delegated(struct wr_cni_adding *a, const struct wr_json *answer, struct wr_err *err)
{
	struct wr_cni_iface iface;
	wr_auto_json *result = NULL;
	int r;

	r = wr_cni_result_decode(answer, &result, err);
	if (r == 0)
		r = wr_cni_result_find(result, a->cni->id.ifname, a->cni->env.netns, &iface, err);
	if (r < 0)
		return r;
	if (wr_addr_is_zero(&iface.addr4) && wr_addr_is_zero(&iface.addr6))
		return wr_err_set_cni(err, WR_CNI_DELEGATE, -EINVAL, "it gives no address");
	a->rec.addr4 = iface.addr4;
	a->rec.addr6 = iface.addr6;
	return 0;
}

static int reserve_delegated(struct wr_cni_adding *a, struct wr_err *err)
{
	wr_auto_json *answer = NULL;
	int r;

	r = wr_cni_delegate(a->cni, "ADD", &answer, err);
	if (r == 0) {
		r = take_delegated(a, answer, err);
		if (r < 0)
			wr_err_wrap(err, r, "IPAM plugin %s: its answer", a->cni->conf.ipam);
	}
	if (r < 0)
		wr_cni_delegate(a->cni, "DEL", NULL, &(struct wr_err){ 0 });
	return r;
}

int wr_cni_reserve(struct wr_cni_adding *a, struct wr_err *err)
{
	return a->cni->conf.ipam ? reserve_delegated(a, err) : reserve_own(a, err);
}

void wr_cni_unreserve(struct wr_cni_adding *a)
{
	if (a->cni->conf.ipam)
		wr_cni_delegate(a->cni, "DEL", NULL, &(struct wr_err){ 0 });
	else if (a->new_addresses)
		release_own(a);
}
