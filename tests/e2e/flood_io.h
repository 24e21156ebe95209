/*
 * Sockets in the two networks of a flood, and frames of DNS over TCP.  What
 * the system refuses ends the program.
 */
#ifndef FLOOD_IO_H
#define FLOOD_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mutate.h"

#define FLOOD_DEADLINE	15000		/* ms that dnsfw may take for anything */

/* A TCP connection, and what has come of a frame so far. */
struct stream {
	int	fd;			/* -1: none */
	size_t	have;
	uint8_t	frame[2 + MUTATE_MAX];
};

/* Milliseconds of a clock that never jumps. */
long long flood_now(void);

/* Enter a network namespace by its path. */
void	flood_enter(const char *netns);

/* Nonblocking sockets of port 53, SOCK_DGRAM or SOCK_STREAM, IPv4. */
int	flood_bound(const char *address, int type);
int	flood_connected(const char *address, int type);

/* 16 bits in network order. */
void	flood_set_u16(uint8_t *p, size_t v);

void	stream_close(struct stream *s);

/*
 * Read what is there, and give whole frames to take, which may close the
 * stream.  False: the connection has ended.
 */
bool	stream_read(struct stream *s,
	    void (*take)(struct stream *, uint8_t *, size_t));

/*
 * Write a frame; meanwhile is called while the other side does not read.  If
 * may_lie, now and then the length is wrong.  False: the connection cannot go
 * on.
 */
bool	stream_write(int fd, const uint8_t *msg, size_t len, bool may_lie,
	    void (*meanwhile)(void));

#endif
