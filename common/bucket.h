/* A bucket of tokens that come at an even pace, up to a burst.  Pure. */
#ifndef COMMON_BUCKET_H
#define COMMON_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tokens are counted in nanoseconds of the time that one takes to come. */
struct bucket {
	uint64_t	each;		/* ns */
	uint64_t	most;		/* ns: of the burst */
	uint64_t	full_at;	/* ns: when nothing is taken till then */
};

/* Full: so many tokens a second, at least 1, and at once. */
void	bucket_open(struct bucket *, unsigned int rate, unsigned int burst);

/* Is there at least one now (ns)? */
bool	bucket_has(const struct bucket *, uint64_t now);

/* More than there are: then it takes the longer for the next one. */
void	bucket_take(struct bucket *, uint64_t now, size_t n);

/* None comes until then (ns), and there are n of them then. */
void	bucket_shut(struct bucket *, uint64_t until, size_t n);

#endif
