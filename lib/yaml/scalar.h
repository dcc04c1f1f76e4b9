/* SPDX-License-Identifier: Apache-2.0 */
/* What a plain scalar means. */
#ifndef WR_YAML_SCALAR_H
#define WR_YAML_SCALAR_H

#include <stddef.h>

#include "lib/json/json.h"

/*
 * Plain text to null (NULL), a boolean, a number or a string. The caller frees it. @text is
 * NUL-terminated.
 */
struct wr_json *wr_yaml_resolve(const char *text, size_t len);

#endif
