/*
 * The time of day as text.  Pure; the C library's way would read files, which
 * the worker cannot.
 */
#ifndef SERVE_TIMESTAMP_H
#define SERVE_TIMESTAMP_H

#include <stdint.h>

#define TIMESTAMP_SIZE	25	/* bytes, with the NUL */

/*
 * Write "2026-11-28T09:05:07.042Z" (RFC 3339) for so many seconds since 1970,
 * and ms from 0 to 999.  seconds is from 0 to the end of the year 9999.
 */
void	timestamp_print(int64_t seconds, unsigned int ms,
	    char out[TIMESTAMP_SIZE]);

#endif
