/* What a worker may ask, and what comes of it. */
#ifndef KEEP_REQUESTS_H
#define KEEP_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"

/*
 * Serve what worker number i has to say now, at most one turn of it: check,
 * transactions with the kernel, results.
 */
void	requests_serve(unsigned int worker);

/* May it be served now?  If not, ask again in a millisecond. */
bool	requests_may(unsigned int worker);

/* Of the statistics (P6). */
void	requests_log(void);
void	requests_counts(uint64_t out[RESULT_COUNT]);

#endif
