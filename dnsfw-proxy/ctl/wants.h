/* What clients were seen to want: names, and ports of these (U9). */
#ifndef CTL_WANTS_H
#define CTL_WANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "../acl/parse.h"
#include "../dns/name.h"
#include "addr.h"

#define WANTS_PORTS	PARSE_PORTS_MAX	/* of one name and client */

/* A protocol and a port as a number, in the order of a list: TCP first. */
#define WANTS_PORT(proto, port)	((uint32_t)(proto) << 16 | (port))

struct want {
	struct addr_net	client;		/* an address; of IPv6 a /64, but ::1 */
	struct addr	asked;		/* from which it was first seen */
	struct dns_name	name;		/* folded */
	bool		wildcard;	/* all names below it */
	bool		resolve;	/* types beside those of addresses */
	bool		unknown;	/* it has addresses, and the ports are not known */
	bool		more;		/* ports that there was no room for */
	uint32_t	nports;
	uint32_t	ports[WANTS_PORTS];	/* ascending */
	uint64_t	count;		/* answers */
	time_t		first, last;	/* 0: not known */
	struct want	*same;		/* hash */
};

struct wants {
	struct want	**at;
	size_t		 n, room;
	struct want	**buckets;	/* NULL: none yet */
	size_t		 odd;		/* names that no list can have */
};

/*
 * That of the client and name (text, with a final dot or not, in any case), which
 * may be new.  NULL, and counted: no list can have such a name or client.
 */
struct want *wants_of(struct wants *, const struct addr *client,
	    const char *name);

/* The same of a name that is there, or of all names below it. */
struct want *wants_below(struct wants *, const struct want *like,
	    const struct dns_name *name);

/* Negative, 0 or positive, as the client of the first is before the other's. */
int	wants_compare_clients(const struct want *, const struct want *);

bool	want_has(const struct want *, uint32_t port);
void	want_add(struct want *, uint32_t port);
void	want_drop(struct want *, uint32_t port);

/* So many answers more, of that time. */
void	want_count(struct want *, uint64_t count, time_t first, time_t last);

/* Does it want anything? */
bool	want_is_any(const struct want *);

/*
 * All is known: what has addresses and no ports gets those of defaults, or the
 * name alone is resolved; clients that can connect nowhere get no ports.
 */
void	wants_settle(struct wants *, const uint32_t *defaults, size_t ndefaults);

/* Take out those that want nothing.  No wants_of() after that. */
void	wants_tidy(struct wants *);

void	wants_free(struct wants *);

#endif
