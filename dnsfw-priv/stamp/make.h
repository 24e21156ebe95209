/*
 * The stamps (stamps.h): every netlink message that the helper will ever send,
 * made by libmnl and libnftnl, with the holes found.
 */
#ifndef STAMP_MAKE_H
#define STAMP_MAKE_H

#include "stamps.h"
#include "wish.h"

/* Fills in ->at, which is zero, and nothing else.  fatal() on error. */
void	stamps_make(const struct stamps_wish *, struct stamps *);

#endif
