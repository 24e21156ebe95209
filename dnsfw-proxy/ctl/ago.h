/* How long ago something was, for a reader. */
#ifndef CTL_AGO_H
#define CTL_AGO_H

#include <stdbool.h>
#include <stdint.h>

#define AGO_SIZE	24	/* bytes, with the NUL */

/* "119 s ago", "2 min ago", "25 h ago", "2 d ago". */
void	ago_print(uint32_t seconds, char buf[AGO_SIZE]);

#define AGO_WHEN_SIZE	32

/* The same as a date and time: local time, or for JSON UTC (RFC 3339). */
void	ago_when(uint32_t seconds, bool json, char buf[AGO_WHEN_SIZE]);

#define AGO_SINCE_SIZE	(AGO_WHEN_SIZE + AGO_SIZE + 3)

/* "2026-11-29 13:00:00 (2 h ago)". */
void	ago_since(uint32_t seconds, char buf[AGO_SINCE_SIZE]);

#endif
