/*
 * What the running dnsfw has open, and from which names (U4): asked once, however
 * many questions there are.
 */
#ifndef CTL_OPENED_H
#define CTL_OPENED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../acl/hosts.h"
#include "../dns/name.h"
#include "addr.h"
#include "controlmsg.h"

struct opened {
	bool		 known;		/* all of it was answered */
	const char	*why;		/* it was not: why; NULL: nobody asked */
	bool		 of_all;	/* clients */
	uint32_t	 sum;		/* of the list in force: msg_sealed's */
	struct control_grant *grants;	/* by label, if they are sorted */
	size_t		 n, room;
	size_t		 max;		/* there are no more, as dnsfw says */
};

/*
 * Ask at that path for the client's grants, or those of all if it is NULL.  Who
 * does not answer in time, or not to the end, has said nothing.
 */
void	opened_ask(struct opened *, const char *path, const struct addr *client);

/*
 * What opened_ask() does with each grant, and when it has them all.  If there are
 * more than there can be, or there is no memory, that is why none is known.
 */
void	opened_add(struct opened *, const struct control_grant *);
void	opened_sort(struct opened *);

/*
 * Those that the name gives, as their labels tell: long names with one end have one
 * label.  Returns how many.
 */
size_t	opened_from(const struct opened *, const struct dns_name *name,
	    const struct control_grant **first);

/* Does its label tell only the end of a name? */
bool	opened_is_cut(const struct control_grant *);

/*
 * Is it the client's?  All addresses of a host are one, by the list that was asked
 * if that was for one client, and else by this one.
 */
bool	opened_is_of(const struct opened *, const struct acl_image *,
	    const struct addr *client, const struct control_grant *);

void	opened_free(struct opened *);

#endif
