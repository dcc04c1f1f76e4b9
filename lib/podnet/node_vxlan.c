/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the overlay's device. */
#include <errno.h>

#include "lib/base/hmap.h"
#include "lib/podnet/node.h"

void wr_node_mac(const struct wr_addr *node, uint8_t ret[6])
{
	uint32_t tail = wr_addr_is4(node) ? node->w[3] : wr_hash_bytes(node, sizeof(*node), 0);

	ret[0] = wr_addr_is4(node) ? 0x0a : 0x0e; /* locally administered, and unlike a pod's */
	ret[1] = 0x57;
	memcpy(ret + 2, &tail, sizeof(tail));
}

static int refuse_kind(const struct wr_link *link, struct wr_err *err)
{
	return wr_err_set(err, -EEXIST, "interface %s exists and is no VXLAN device", link->name);
}

static bool must_be_remade(const struct wr_link *have, const struct wr_node_vxlan *want)
{
	return !have->vxlan.external || have->vxlan.learning || have->vxlan.port != want->port;
}

static int make(struct wr_nl *nl, const struct wr_node_vxlan *want, bool remove, struct wr_err *err)
{
	struct wr_vxlan v = { .name = want->name, .mtu = want->mtu, .port = want->port };
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	memcpy(v.mac, want->mac, sizeof(v.mac));
	if (remove)
		wr_link_del(&b, want->name);
	wr_link_add_vxlan(&b, &v);
	return wr_nl_commit(nl, &b, err);
}

static int correct(struct wr_nl *nl, const struct wr_link *have, const struct wr_node_vxlan *want,
		   struct wr_err *err)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	if (have->mtu != want->mtu)
		wr_link_set_mtu(&b, have->ifindex, want->mtu);
	if (memcmp(have->mac, want->mac, sizeof(have->mac)) != 0)
		wr_link_set_mac(&b, have->ifindex, want->mac);
	if (!(have->flags & IFF_UP)) {
		wr_link_set_addrgen_none(&b, have->ifindex);
		wr_link_set_up(&b, have->ifindex, true);
	}
	return wr_nl_commit(nl, &b, err);
}

int wr_node_vxlan_ensure(struct wr_nl *nl, const struct wr_node_vxlan *want, uint32_t *ret_ifindex,
			 struct wr_err *err)
{
	struct wr_link have = { 0 };
	int r = wr_link_get(nl, want->name, 0, &have);
	bool missing = r == -ENODEV;

	if (r && !missing)
		return wr_err_sys(err, r, "cannot look at interface %s", want->name);
	if (!missing && strcmp(have.kind, "vxlan") != 0)
		return refuse_kind(&have, err);
	if (missing || must_be_remade(&have, want)) {
		r = make(nl, want, !missing, err);
		if (r)
			return r;
		r = wr_link_get(nl, want->name, 0, &have);
		if (r)
			return wr_err_sys(err, r, "cannot look at interface %s", want->name);
	}
	r = correct(nl, &have, want, err);
	if (!r)
		*ret_ifindex = have.ifindex;
	return r;
}

int wr_node_vxlan_remove(struct wr_nl *nl, const char *name, struct wr_err *err)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link have;
	int r = wr_link_get(nl, name, 0, &have);

	if (r == -ENODEV)
		return 0;
	if (r)
		return wr_err_sys(err, r, "cannot look at interface %s", name);
	if (strcmp(have.kind, "vxlan") != 0)
		return 0;
	wr_link_del_index(&b, have.ifindex);
	return wr_nl_commit(nl, &b, err);
}
