/* A netlink message that becomes a stamp: libmnl's, and where its holes are. */
#ifndef START_DRAFT_H
#define START_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "stamps.h"

/*
 * Begin a message; attributes are put to what is returned, one message at a
 * time.  type is subsystem << 8 | command; flags besides NLM_F_REQUEST; family
 * and resource (host order) are of struct nfgenmsg.
 */
struct nlmsghdr *draft_begin(uint16_t type, uint16_t flags, uint8_t family,
	    uint16_t resource);

/* The hole is at the end of the message as it is now, plus skip bytes. */
void	draft_hole(enum stamps_hole hole, size_t skip);

/* An attribute whose payload is a hole of len bytes, zero until it is filled. */
void	draft_attr(uint16_t type, enum stamps_hole hole, size_t len);

/*
 * The hole is where these bytes are, which must be once in the message: what
 * another library wrote.  They become zero.
 */
void	draft_find(enum stamps_hole hole, const void *mark, size_t len);

/* The message is this stamp. */
void	draft_end(struct stamp *);

#endif
