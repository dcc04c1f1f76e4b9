/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/nl: building messages and taking them apart. */
#ifndef WR_NL_MSG_H
#define WR_NL_MSG_H

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "lib/base/addr.h"
#include "lib/nl/nl.h"

/* A message that fits every request we make: building one cannot run out of room. */
struct nl_msg *wr_msg_new(uint16_t type, uint16_t flags, const void *header, size_t size);
/* Takes @msg into the batch; a message that could not be built (NULL) becomes the batch's error. */
void wr_msg_put(struct wr_nl_batch *b, struct nl_msg *msg, unsigned int tolerate);
/* The same for a get, whose answer goes to the callback of the commit. */
void wr_msg_get(struct wr_nl_batch *b, struct nl_msg *msg);

/* The family's 4 or 16 bytes as an attribute. */
void wr_msg_addr(struct nl_msg *msg, int type, const struct wr_addr *a);
/* Attributes behind a @header of that size into tb[0..max]. -EINVAL: malformed. */
int wr_msg_parse(const struct nlmsghdr *msg, size_t header, struct nlattr *tb[], int max);
/* false: the attribute is absent or of another size. */
bool wr_attr_addr(const struct nlattr *a, struct wr_addr *ret);
void wr_attr_mac(const struct nlattr *a, uint8_t ret[6]); /* zero when there is none */
uint32_t wr_attr_u32(const struct nlattr *a);             /* 0 when there is none */
/* Copies with truncation; "" when there is none. */
void wr_attr_str(const struct nlattr *a, char *buf, size_t size);

/*
 * Dumps answer -EAGAIN when the table changed under them; after this many tries in a row it is the caller's answer. And
 * kernels without a family answer its dumps with what other families have: rows are checked.
 */
#define WR_DUMP_TRIES 8

/* "add route 10.0.0.0/24 on interface 3": for errors. */
const char *wr_msg_describe(const struct nlmsghdr *msg, char *buf, size_t size);

#endif
