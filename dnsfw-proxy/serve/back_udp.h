/* Questions over UDP: a socket for each attempt, with a new port (D5). */
#ifndef SERVE_BACK_UDP_H
#define SERVE_BACK_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "attempt.h"

/* Before the first attempt. */
void	back_udp_init(void);

/*
 * The most sockets, for each of --max-connections: one for its exchange, and one
 * more of those that some need (quota.h).
 */
#define BACK_UDP_PER_REQUEST	2

/*
 * Ask an upstream, at the end of the turn; until then msg, whose id that
 * changes, must stay, or the attempt end.  Returns the attempt, or NULL if there
 * is no socket for it.  If it cannot be sent the attempt fails.
 */
struct attempt *back_udp_send(size_t upstream, uint8_t *msg, size_t len);

/* Take what has come in this turn, before its time is up. */
void	back_udp_take(void);

/* The end of a turn: take what has come, and send what was asked. */
void	back_udp_flush(void);

/* Give the attempt's socket back; nothing that arrives for it is read. */
void	back_udp_end(struct attempt *);

#endif
