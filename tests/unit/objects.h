/* SPDX-License-Identifier: Apache-2.0 */
/* Objects from YAML, for tests. */
#ifndef WR_TESTS_UNIT_OBJECTS_H
#define WR_TESTS_UNIT_OBJECTS_H

#include "agent/obj/policy.h"

/* Exactly one document; anything else fails the test. The caller frees it. */
struct wr_json *obj_json(const char *yaml);
struct wr_object *obj_strict(const char *yaml); /* must decode */
struct wr_object *obj_lenient(const char *yaml);
/* Strict decoding must fail with this very message. */
void obj_refused(const char *yaml, const char *msg);

#define as(type, o) ((struct type *)(o))

#endif
