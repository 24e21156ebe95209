/* Queries over TCP: what comes, in turns. */
#ifndef SERVE_TCP_IN_H
#define SERVE_TCP_IN_H

#include "tcp_conn.h"

/* Before the first connection: where messages go. */
void	tcp_in_init(asker_receive *receive);

/* The socket has something to read, or its end. */
void	tcp_in_readable(int fd, short what, void *conn);

/* Wait for a turn, read on, or end if all is said: after each change. */
void	tcp_in_go_on(struct tcp_conn *);

/* A whole message is there, and the client may ask more. */
bool	tcp_in_has_message(const struct tcp_conn *);

/* Read, and take messages, as long as there is time in this turn of the loop. */
void	tcp_in_serve(void);

/* Look for tokens for those that are delayed; there is a tick for each. */
void	tcp_in_tick(void);

/* A turn has ended: there is time again for those that wait (D21). */
void	tcp_in_renew(void);

#endif
