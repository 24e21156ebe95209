/*
 * Questions over TCP: one connection to each upstream carries many (RFC 7766),
 * or several do where each takes only a few; there are others for those that
 * are suspected of breaking it.
 */
#ifndef SERVE_BACK_TCP_H
#define SERVE_BACK_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attempt.h"

/* Before the first attempt. */
void	back_tcp_init(void);

/* Ask an upstream; msg must stay until the attempt ends.  NULL: no way. */
struct attempt *back_tcp_send(size_t upstream, uint8_t *msg, size_t len,
	    bool suspect);
void	back_tcp_end(struct attempt *);

/* The end of a turn: send what was asked. */
void	back_tcp_flush(void);

/* The most connections. */
#define BACK_TCP_PER_UPSTREAM	20

/* Look at the deadlines.  False: there is none. */
bool	back_tcp_tick(void);

#endif
