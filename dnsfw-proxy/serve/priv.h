/* The channel to the keeper. */
#ifndef SERVE_PRIV_H
#define SERVE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "msg.h"

/*
 * A record that has come; fd: the descriptor that came with it, or -1.  False:
 * it was the last one, and the turn ends.
 */
typedef bool priv_take(const uint8_t *buf, size_t len, int fd);

/* The first record, which is awaited; buf has MSG_SIZE_MAX octets. */
size_t	priv_receive_first(uint8_t *buf);

/*
 * From now on each record is given to take: those of a turn before all else
 * that has come (a FORGET counts for the answers behind it), a few a turn.
 */
void	priv_init(priv_take *take);
void	priv_start(void);

/* The turn has ended: the keeper has its part of the next one. */
void	priv_renew(void);

/*
 * Send a record.  Returns false if there is no room: then the loop turns again
 * as soon as there is some.  What becomes of a dead channel is seen when it is
 * read.
 */
bool	priv_send(const void *buf, size_t len);

/* It has sent what its contract does not know. */
void	priv_malformed(enum msg_err) __attribute__((noreturn));

#endif
