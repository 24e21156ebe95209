/* Answers over TCP: what waits to be sent. */
#ifndef SERVE_TCP_OUT_H
#define SERVE_TCP_OUT_H

#include "tcp_conn.h"

/*
 * Put an answer behind what is unsent.  It leaves at the end of the turn, so
 * that answers which come together go together; see tcp_out_next().  At a limit
 * the connection is closed.
 */
void	tcp_out_put(struct tcp_conn *, const uint8_t *msg, size_t len);

/* Something has changed: look at it at the end of the turn. */
void	tcp_out_see_later(struct tcp_conn *);

/* The next one to be looked at, which is then no more; NULL: none is. */
struct tcp_conn *tcp_out_next(void);

/*
 * Send what the client takes, up to a limit; the rest when its socket says so.
 * A client that is gone has its connection broken.
 */
void	tcp_out_flush(struct tcp_conn *);

#endif
