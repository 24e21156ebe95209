/*
 * Which queries over UDP are in flight, to know one that comes again (D24): of
 * the same address and port, with the same id and the same question.
 */
#ifndef SERVE_AGAIN_H
#define SERVE_AGAIN_H

#include "query.h"

/* Before the first query; there are never more than max. */
void	again_init(uint32_t max);

/*
 * The query in flight that msg repeats, or NULL; over TCP none does.  *place is
 * where it would be.
 */
struct query *again_find(const uint8_t *msg, const struct addr *,
	    const struct endpoint *, const struct dns_query *, uint32_t *place);

/* One is in flight, at the place that again_find() told; its head is set. */
void	again_add(struct query *, uint32_t place);
void	again_remove(struct query *);

#endif
