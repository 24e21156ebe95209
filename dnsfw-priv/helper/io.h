/* All that the helper asks of the kernel while it serves, but time. */
#ifndef HELPER_IO_H
#define HELPER_IO_H

#include <sys/types.h>

#include <stdbool.h>

#include "stamps.h"

/*
 * One record, or datagram, if there is one.  *flags gets MSG_TRUNC if it was
 * longer, and MSG_CTRUNC if a descriptor came with it, which is closed.  Returns
 * the length, or -1 with errno.
 */
ssize_t	io_take(int fd, void *buf, size_t size, int *flags);

/* One record to the keeper.  Returns false with errno if that fails. */
bool	io_tell(const void *record, size_t len, int flags);

/* Netlink messages to the kernel.  Returns false if it took none of them. */
bool	io_kernel(int fd, const void *messages, size_t len);

/*
 * The number by which rules know our ipset of that kind (0-3).  Returns false if
 * there is none of our name and family.
 */
bool	io_index(const struct stamps *, unsigned int kind, uint16_t *index);

#endif
