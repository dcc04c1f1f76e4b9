/* SPDX-License-Identifier: Apache-2.0 */
/* What ADD's steps share. */
#ifndef WR_CNI_ADD_H
#define WR_CNI_ADD_H

#include "cni/plugin.h"
#include "lib/wire/wire.h"

struct wr_cni_adding {
	struct wr_cni *cni;
	struct wr_cni_wish wish;
	struct wr_json *prev; /* prevResult in the form of 1.1.0; NULL: we are the main plugin */
	struct wr_hello hello;
	struct wr_endpoint_record rec;
	int netns, agent;   /* -1: not open */
	bool had_record;    /* an earlier ADD of this attachment was never undone */
	bool new_addresses; /* reserved here, so given back when a later step fails */
};

/*
 * A step that fails has undone what it did itself; undo takes back one that had succeeded. Both are idempotent, and neither
 * relies on another step's undo.
 */
struct wr_cni_step {
	int (*run)(struct wr_cni_adding *a, struct wr_err *err);
	void (*undo)(struct wr_cni_adding *a); /* NULL: nothing to take back */
};

/* Addresses: ours from the agent's pools, or a delegated IPAM plugin's. */
int wr_cni_reserve(struct wr_cni_adding *a, struct wr_err *err);
void wr_cni_unreserve(struct wr_cni_adding *a);
/* Another main plugin made the interface: fills the record with what is there. */
int wr_cni_adopt(struct wr_cni_adding *a, struct wr_err *err);

#endif
