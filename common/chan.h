/*
 * Records over a SOCK_SEQPACKET socketpair: exactly one message in or out.
 */
#ifndef COMMON_CHAN_H
#define COMMON_CHAN_H

#include <stddef.h>
#include <sys/types.h>

#include "msg.h"

#define CHAN_EOF	0	/* the peer is gone, or sent an empty record */
#define CHAN_AGAIN	-1	/* nothing there (or no room) now */
#define CHAN_ERROR	-2	/* errno says */
#define CHAN_BAD	-3	/* truncated, or an unwanted descriptor */

/*
 * Send one record of len bytes; fd >= 0 goes along as SCM_RIGHTS and stays
 * open here.  Returns len, CHAN_AGAIN, CHAN_EOF or CHAN_ERROR.
 */
ssize_t	chan_send(int chan, const void *buf, size_t len, int fd);

/*
 * Receive one record into buf of MSG_SIZE_MAX bytes, without blocking if wait
 * is 0.  If fd is NULL a passed descriptor makes the record CHAN_BAD and none
 * is ever installed; otherwise *fd is the descriptor (the caller owns it,
 * close-on-exec), or -1 if there was none.
 * Returns the length (> 0) or one of the CHAN_ values above.
 */
ssize_t	chan_recv(int chan, void *buf, int *fd, int wait);

#endif
