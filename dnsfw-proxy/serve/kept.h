/*
 * What is kept for the requests of a client while they wait: messages that are
 * long, and answers (D22).  It is counted for each client (share.h) and in all;
 * who has its share gets no more, and that is logged.
 */
#ifndef SERVE_KEPT_H
#define SERVE_KEPT_H

#include <stddef.h>

#include "quota.h"

/* Octets: 128 messages of the largest size; an ordinary one is not long. */
#define KEPT_SHARE	(8U << 20)
#define KEPT_MAX	(4 * KEPT_SHARE)

/* As malloc(3).  NULL also if the client has its share, or all is in use. */
void	*kept_alloc(struct quota *, size_t size);

/*
 * Give it back, at the latest in the call that gives back the client's last
 * place.  NULL is nothing.
 */
void	kept_free(struct quota *, void *, size_t size);

#endif
