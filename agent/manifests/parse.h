/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file of manifests to objects: several documents, Lists, YAML or JSON. All of it or nothing; policies with faults are taken, as
 * the API hands them out (agent/obj/object.h).
 */
#ifndef WR_AGENT_MANIFESTS_PARSE_H
#define WR_AGENT_MANIFESTS_PARSE_H

#include <stdint.h>

#include "agent/obj/object.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

#define WR_ALL_KINDS ((1u << WR_KIND_MAX) - 1)

struct wr_manifest {
	WR_VEC(struct wr_object *) objects; /* no two of the same name; NULL: taken by somebody */
};

/*
 * Errors name line and field. *ret_kinds is set in any case: a bit for each kind that the file has,
 * or may have where it cannot be understood.
 */
int wr_manifest_parse(const char *text, size_t len, struct wr_manifest *ret, uint32_t *ret_kinds,
		      struct wr_err *err);
void wr_manifest_done(struct wr_manifest *m);

#endif
