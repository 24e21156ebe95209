/*
 * One line of what is served (O1): addresses, upstreams, backend, rules, live
 * grants.
 */
#ifndef KEEP_STATUS_H
#define KEEP_STATUS_H

/* The chain by its names, for texts: "inet filter dnsfw"; until the next call. */
const char *status_chain(void);

/* What is served: addresses, upstreams, and the chain; until the next call. */
#define STATUS_SCOPE_MAX 1800	/* bytes with NUL; what has no room is cut */
const char *status_scope(void);

/*
 * Tell the service manager: a state, or NULL (notify.h), and the line as it is
 * now.
 */
void	status_tell(const char *state);

/* The same when something has changed, or it is time; and the ms until then. */
void	status_step(void);
int	status_wait(void);

#endif
