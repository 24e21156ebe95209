/*
 * Who is served (--client-net), and what each client (share.h) has in use, so
 * that no client takes the others' room: requests in flight and TCP connections
 * (D7, --max-connections).
 */
#ifndef SERVE_CLIENTS_H
#define SERVE_CLIENTS_H

#include <stdbool.h>

#include "addr.h"

struct client;

/* Before the first client. */
void	clients_init(void);

/* Is it among --client-net?  Others get no answer at all (D13). */
bool	client_allowed(const struct addr *a);

/*
 * Take one of the client's places.  NULL: it has its share in use, or all
 * places are taken.  To be given back with client_leave.
 */
struct client *client_enter(const struct addr *a);
void	client_leave(struct client *);

#endif
