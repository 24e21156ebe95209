/* Clients over TCP (D7, RFC 7766). */
#ifndef SERVE_FRONT_TCP_H
#define SERVE_FRONT_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "query.h"

/* Before the confinement: the sockets are those of msg.h. */
void	front_tcp_init(void);

/* Begin to accept. */
void	front_tcp_start(void);

/* q came on q->from.conn, which must know until it is answered. */
void	front_tcp_attach(struct query *q);
void	front_tcp_detach(struct query *q);

/* Send an answer, as soon as the client takes it. */
void	front_tcp_send(struct tcp_conn *, const uint8_t *msg, size_t len);

/* A turn has ended: there is time again for messages that wait (D21). */
void	front_tcp_renew(void);

/* Look at the deadlines.  False: there is none. */
bool	front_tcp_tick(void);

#endif
