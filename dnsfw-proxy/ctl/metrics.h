/* Numbers of a running dnsfw for monitoring systems (U7). */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include <stdio.h>

#include "controlmsg.h"
#include "samples.h"

/* Print them; NULL: no dnsfw answers. */
void	metrics_print(FILE *to, const struct control_status *,
	    enum samples_form);

/*
 * Ask dnsfw at that path.  Returns 0, or -1 with the reason on stderr, unless
 * ask_manner is quiet.
 */
int	metrics_ask(const char *path, struct control_status *out);

#endif
