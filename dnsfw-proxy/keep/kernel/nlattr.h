/*
 * Attributes of netlink's messages, as the kernel sends them: what is not there,
 * or of another size, reads as nothing.  Pure.
 */
#ifndef KEEP_NLATTR_H
#define KEEP_NLATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "msg.h"

/*
 * The attribute of that type among those of a message, which follow a header
 * of that size, or NULL; and the same for messages of netfilter.
 */
const struct nlattr *nlattr_find(const struct nlmsghdr *, size_t header,
	    uint16_t type);
const struct nlattr *nlattr_get(const struct nlmsghdr *, uint16_t type);

/* The same inside a nested attribute, which may be NULL. */
const struct nlattr *nlattr_nested(const struct nlattr *, uint16_t type);

/*
 * The len bytes of attr, or zeros if it is NULL or of another size.  Returns
 * whether it was there.
 */
bool	nlattr_copy(const struct nlattr *attr, void *to, size_t len);

/* A number in network byte order, or 0 if attr is NULL or of another size. */
uint16_t nlattr_u16(const struct nlattr *attr);
uint32_t nlattr_u32(const struct nlattr *attr);
uint64_t nlattr_u64(const struct nlattr *attr);

/* True if attr is this string; false if it is NULL. */
bool	nlattr_is(const struct nlattr *attr, const char *text);

/* Up to len bytes of a text as a label, cut if it is too long. */
void	nlattr_label(const char *text, size_t len, char label[MSG_LABEL_SIZE]);

#endif
