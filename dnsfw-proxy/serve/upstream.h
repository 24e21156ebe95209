/*
 * The DNS servers that are asked, their health, and the two ways to them.
 */
#ifndef SERVE_UPSTREAM_H
#define SERVE_UPSTREAM_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "exchange.h"

/* Before the first query. */
void	upstream_init(void);

size_t	upstream_count(void);

/* The address and port of upstream i, for connect(2). */
const struct sockaddr_storage *upstream_sockaddr(size_t i, socklen_t *len);

/* The address of upstream i as text, with its zone. */
const char *upstream_name(size_t i);

/*
 * The upstream to ask next, of those whose bit is not set in tried, or -1.
 * *probe: it was silent before, and it is only to be seen whether it answers
 * again; ask another one, too.
 */
int	upstream_choose(uint32_t tried, bool *probe);

/* What became of a try. */
void	upstream_answered(size_t i);
void	upstream_silent(size_t i);

/* UDP: a socket for each try, with a new port that the kernel chooses (D5). */
void	back_udp_init(void);

/* The most sockets, for each of --max-connections. */
#define BACK_UDP_PER_REQUEST	2

/*
 * Ask an upstream, at the end of the turn; until then msg, whose id that
 * changes, must stay, or the try end.  Returns the try, or NULL if there is no
 * socket for it.  If it cannot be sent the try fails.
 */
struct try *back_udp_send(size_t upstream, uint8_t *msg, size_t len);

/* Take what has come in this turn, before its time is up. */
void	back_udp_take(void);

/* The end of a turn: take what has come, and send what was asked. */
void	back_udp_flush(void);

/* Give the try's socket back; nothing that arrives for it is read. */
void	back_udp_end(struct try *);

/*
 * TCP: one connection to each upstream carries many queries (RFC 7766), or
 * several do where each takes only a few; there are others for those that are
 * suspected of breaking it.  msg must stay until the try ends.
 */
void	back_tcp_init(void);
struct try *back_tcp_send(size_t upstream, uint8_t *msg, size_t len, bool suspect);
void	back_tcp_end(struct try *);

/* The most connections. */
#define BACK_TCP_PER_UPSTREAM	20

/* Look at the deadlines.  False: there is none. */
bool	back_tcp_tick(void);

#endif
