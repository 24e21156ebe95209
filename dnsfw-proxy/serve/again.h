/*
 * Which queries over UDP are in flight, to know one that comes again (D24): of
 * the same address and port, with the same id and the same question.
 */
#ifndef SERVE_AGAIN_H
#define SERVE_AGAIN_H

#include "request.h"

/* Before the first query; there are never more than max. */
void	again_init(uint32_t max);

/*
 * The request in flight that this one repeats, or NULL; over TCP none does.
 * *place is where it would be.
 */
struct request *again_find(const struct request *, uint32_t *place);

/* One is in flight, at the place that again_find() told; its msg stays. */
void	again_add(struct request *, uint32_t place);
void	again_remove(struct request *);

#endif
