/*
 * The DNS servers that are asked, and their health.
 */
#ifndef SERVE_UPSTREAM_H
#define SERVE_UPSTREAM_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* Bit i: upstream i has answered none of the last tries. */
uint8_t	upstream_silent_ones(void);

/* What became of a try. */
void	upstream_answered(size_t i);
void	upstream_silent(size_t i);

#endif
