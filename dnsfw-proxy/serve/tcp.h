/* Clients over TCP (D7, RFC 7766). */
#ifndef SERVE_TCP_H
#define SERVE_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query.h"

/* Before the confinement: the sockets are those of msg.h. */
void	tcp_init(void);

/* Begin to accept. */
void	tcp_start(void);

/* q came on q->from.conn, which must know until it is answered. */
void	tcp_attach(struct query *q);
void	tcp_detach(struct query *q);

/* Send an answer, as soon as the client takes it. */
void	tcp_send(struct tcp_conn *, const uint8_t *msg, size_t len);

/* A turn has ended: there is time again for messages that wait (D21). */
void	tcp_renew(void);

/* Look at the deadlines.  False: there is none. */
bool	tcp_tick(void);

#endif
