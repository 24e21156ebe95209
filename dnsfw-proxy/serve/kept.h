/*
 * What is kept for the requests of a client while they wait: messages that are
 * long, and answers (D22).  It is counted for each client (share.h) and in all.
 * Who has its share gets no more; when all is in use, the oldest of the client
 * that has most makes room.  Both are logged.
 */
#ifndef SERVE_KEPT_H
#define SERVE_KEPT_H

#include <stdbool.h>
#include <stddef.h>

#include "quota.h"

/* Octets: 128 messages of the largest size; an ordinary one is not long. */
#define KEPT_SHARE	(8U << 20)
#define KEPT_MAX	(4 * KEPT_SHARE)

/*
 * Others need the room.  What is kept at p, for of, is to be given back in the
 * call; or, if other clients wait for it, to be passed to one of these.
 */
typedef void kept_evict(void *p, void *of);

/* Before the first request. */
void	kept_init(void);

/* May the client have so much more? */
bool	kept_may_have(const struct quota *, size_t size);

/*
 * As malloc(3).  NULL also if the client has its share, or if there is no room.
 * evict may be called for others in the call, and for this one later.
 */
void	*kept_alloc(struct quota *, size_t size, kept_evict *evict, void *of);

/* The same, but nobody goes for it. */
void	*kept_alloc_if_room(struct quota *, size_t size, kept_evict *evict,
	    void *of);

/* That is what evict is told from now on.  NULL is nothing. */
void	kept_set_of(void *, void *of);

/*
 * If it is kept for the client from, it is kept for that other one from now on,
 * whatever that has.  NULL is nothing.
 */
void	kept_pass(void *, const struct quota *from, struct quota *to);

/*
 * Give it back, at the latest in the call that gives back the client's last
 * place.  NULL is nothing.
 */
void	kept_free(void *);

#endif
