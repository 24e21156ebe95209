/* Clients over TCP (D7, RFC 7766). */
#ifndef SERVE_FRONT_TCP_H
#define SERVE_FRONT_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asker.h"

/*
 * Before the confinement: the sockets are those of msg.h.  What comes goes to
 * receive, at the earliest after front_tcp_start().
 */
void	front_tcp_init(asker_receive *receive);

/* Begin to accept. */
void	front_tcp_start(void);

/*
 * The copy of an asker that is kept until its answer, and must stay in place;
 * its conn becomes NULL when the client leaves.
 */
void	front_tcp_attach(struct asker *);
void	front_tcp_detach(struct asker *);

/* Send an answer, at the end of the turn, or as soon as the client takes it. */
void	front_tcp_send(struct tcp_conn *, const uint8_t *msg, size_t len);

/*
 * The end of a turn: send what was collected; and there is time again for
 * messages that wait (D21).
 */
void	front_tcp_flush(void);

/* Look at the deadlines.  False: there is none. */
bool	front_tcp_tick(void);

#endif
