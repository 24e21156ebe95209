/*
 * Answers over TCP.  They are kept in chunks, so that a long queue of them is
 * neither copied nor takes more memory than they have octets.
 */
#include "tcp_out.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE	4096	/* with its head; longer for a long answer */
#define FLUSH_MAX	65536	/* octets: then others have their turn */

LIST_HEAD(tcp_seen, tcp_conn);

static struct tcp_seen tcp_out_later = LIST_HEAD_INITIALIZER(tcp_out_later);

void
tcp_out_see_later(struct tcp_conn *c)
{
	if (c->seen_later)
		return;
	LIST_INSERT_HEAD(&tcp_out_later, c, to_see);
	c->seen_later = true;
}

struct tcp_conn *
tcp_out_next(void)
{
	struct tcp_conn *c = LIST_FIRST(&tcp_out_later);

	if (c != NULL) {
		LIST_REMOVE(c, to_see);
		c->seen_later = false;
	}
	return (c);
}

/* A chunk with room for so many octets, or NULL. */
static struct tcp_chunk *
tcp_out_room(struct tcp_conn *c, size_t need)
{
	struct tcp_chunk *chunk = STAILQ_LAST(&c->out, tcp_chunk, link);
	size_t size = CHUNK_SIZE - sizeof(*chunk);

	if (chunk != NULL && chunk->size - chunk->len >= need)
		return (chunk);
	if (size < need)
		size = need;
	if (!tcp_conn_take_octets(c, sizeof(*chunk) + size))
		return (NULL);
	if ((chunk = malloc(sizeof(*chunk) + size)) == NULL) {
		tcp_conn_give_octets(c, sizeof(*chunk) + size);
		return (NULL);
	}
	chunk->size = (uint32_t)size;
	chunk->len = chunk->at = 0;
	STAILQ_INSERT_TAIL(&c->out, chunk, link);
	return (chunk);
}

void
tcp_out_put(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	struct tcp_chunk *chunk;
	uint8_t *to;

	if (c->broken)
		return;
	if ((chunk = tcp_out_room(c, 2 + len)) == NULL) {
		tcp_conn_overload();
		tcp_conn_close(c);
		return;
	}
	to = chunk->bytes + chunk->len;
	to[0] = (uint8_t)(len >> 8);
	to[1] = (uint8_t)len;
	memcpy(to + 2, msg, len);
	chunk->len += (uint32_t)(2 + len);
	/* While octets wait, only that some are taken counts. */
	if (c->out_len == 0)
		tcp_conn_touch(c);
	c->out_len += 2 + len;
	tcp_conn_settle(c);
	tcp_out_see_later(c);
}

/* So many octets of the first chunk have left. */
static void
tcp_out_sent(struct tcp_conn *c, struct tcp_chunk *chunk, size_t n)
{
	tcp_conn_touch(c);
	c->out_len -= n;
	chunk->at += (uint32_t)n;
	if (chunk->at < chunk->len)
		return;
	STAILQ_REMOVE_HEAD(&c->out, link);
	tcp_conn_give_octets(c, sizeof(*chunk) + chunk->size);
	free(chunk);
}

void
tcp_out_flush(struct tcp_conn *c)
{
	struct tcp_chunk *chunk;
	size_t sent = 0;
	ssize_t n;

	while ((chunk = STAILQ_FIRST(&c->out)) != NULL && sent < FLUSH_MAX) {
		n = send(c->fd, chunk->bytes + chunk->at,
		    chunk->len - chunk->at, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EINTR)
			c->broken = true;
		if (n == -1)
			break;
		sent += (size_t)n;
		tcp_out_sent(c, chunk, (size_t)n);
	}
	c->blocked = c->out_len > 0;
	if (c->blocked && event_add(c->writable, NULL) == -1)
		c->broken = true;
}
