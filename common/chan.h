/*
 * Records over a SOCK_SEQPACKET socketpair: exactly one message in or out.
 */
#ifndef COMMON_CHAN_H
#define COMMON_CHAN_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

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

#define CHAN_BATCH	64	/* records in one system call */

struct chan_record {
	size_t		len;	/* > 0 */
	int		fd;	/* the caller's, close-on-exec; or -1 */
	uint8_t		data[MSG_SIZE_MAX];
};

/*
 * As many records as there are now, at most n <= CHAN_BATCH.  Returns their
 * number (> 0) or one of the CHAN_ values; after CHAN_BAD descriptors may have
 * been lost, so it ends the program.
 */
int	chan_recv_many(int chan, struct chan_record *records, unsigned int n);

/*
 * Send n <= CHAN_BATCH records, one an iovec.  Returns how many went (> 0), or
 * one of the CHAN_ values.
 */
int	chan_send_many(int chan, struct iovec *records, unsigned int n);

#endif
