/*
 * Who is served (--client-net), and what each client (share.h) has in use, so
 * that no client takes the others' room: requests in flight and TCP connections
 * (D7, --max-connections).
 */
#ifndef SERVE_QUOTA_H
#define SERVE_QUOTA_H

#include <stdbool.h>

#include "addr.h"

struct quota;

/* Before the first client. */
void	quota_init(void);

/* Is it among --client-net?  Others get no answer at all (D13). */
bool	quota_serves(const struct addr *a);

/*
 * Take one of the client's places.  NULL: it has its share in use, or all
 * places are taken.  To be given back with quota_leave.
 */
struct quota *quota_enter(const struct addr *a);
void	quota_leave(struct quota *);

#endif
