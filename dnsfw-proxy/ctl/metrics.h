/* Numbers of a running dnsfw for monitoring systems (U7). */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include <stdbool.h>
#include <stdio.h>

#include "controlmsg.h"

/*
 * Print them, as OpenMetrics 1.0 or as text of version 0.0.4; NULL: no dnsfw
 * answers.
 */
void	metrics_print(FILE *to, const struct control_status *, bool open);

/*
 * Ask dnsfw at that path.  Returns 0, or -1 with the reason on stderr, unless
 * ask_manner is quiet.
 */
int	metrics_ask(const char *path, struct control_status *out);

#endif
