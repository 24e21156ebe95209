/*
 * One line of what is served (O1): addresses, upstreams, backend, rules, live
 * grants.
 */
#ifndef PRIV_STATUS_H
#define PRIV_STATUS_H

#include <stdbool.h>

#include "options.h"

#define STATUS_MAX	1900	/* bytes with NUL; a longer one is cut */

/* To be called first. */
void	status_open(const struct options *o);

/* What does not change: "10.0.0.1 port 53; upstream 9.9.9.9 port 53; none". */
const char *status_scope(void);

/* The chain by its names, for texts: "inet filter dnsfw". */
const char *status_chain(void);

/* Tell the service manager: a state, or NULL (notify.h), and the line as it is
 * now. */
void	status_tell(const char *state);

#endif
