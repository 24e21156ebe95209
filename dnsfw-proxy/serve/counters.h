/* Events that are counted, for the statistics: struct counters of msg.h. */
#ifndef SERVE_COUNTERS_H
#define SERVE_COUNTERS_H

#include "msg.h"

extern struct counters counters;

/* A line of the application log with all of them. */
void	counters_log(void);

#endif
