/* Who has the places of those who ask at the control socket. */
#include "controlplaces.h"

#define PLACES_USER	2
#define PLACES_ROOT	2

static bool
has_it(const struct controlplace *p, uid_t uid)
{
	return (p->taken && p->uid == uid);
}

static size_t
places_of(const struct controlplace *places, size_t n, uid_t uid)
{
	size_t i, own = 0;

	for (i = 0; i < n; i++)
		own += has_it(&places[i], uid);
	return (own);
}

static size_t
free_of(const struct controlplace *places, size_t n)
{
	size_t i;

	for (i = 0; i < n && places[i].taken; i++)
		;
	return (i);
}

/* Of those of users who have two, the one that has done nothing for longest. */
static size_t
spare_place(const struct controlplace *places, size_t n)
{
	size_t i, found = n;

	for (i = 0; i < n; i++) {
		if (!places[i].taken || places[i].uid == 0 ||
		    places_of(places, n, places[i].uid) < PLACES_USER)
			continue;
		if (found == n || places[i].deadline < places[found].deadline)
			found = i;
	}
	return (found);
}

size_t
controlplaces_for(const struct controlplace *places, size_t n, uid_t uid)
{
	size_t own = places_of(places, n, uid), others = 0, i;

	for (i = 0; i < n; i++)
		others += places[i].taken && places[i].uid != 0;
	i = free_of(places, n);
	if (uid == 0)
		return (i < n ? i : spare_place(places, n));
	if (own < PLACES_USER && others < n - PLACES_ROOT)
		return (i);
	return (own == 0 ? spare_place(places, n) : n);
}

bool
controlplaces_left(const struct controlplace *places, size_t n)
{
	return (free_of(places, n) < n || spare_place(places, n) < n);
}
