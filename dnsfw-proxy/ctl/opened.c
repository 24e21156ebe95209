/* What the running dnsfw has open. */
#include "opened.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../serve/label.h"
#include "addrtext.h"
#include "ask.h"

/* Seconds for a place, and for all of an answer: files have answered at once. */
#define PATIENCE	5

/* --- asking --- */

struct answer {
	struct control_status status;
	bool		there;
};

static void
hear_status(void *arg, const void *record)
{
	struct answer *a = arg;

	memcpy(&a->status, record, sizeof(a->status));
	a->there = true;
}

static void
hear_grant(void *arg, const void *record)
{
	opened_add(arg, record);
}

/* Returns why it was not answered, or NULL. */
static const char *
ask_one(const char *path, enum control_what what, const struct addr *client,
    enum control_type type, ask_answer *fn, void *arg)
{
	struct control_end end;

	if (ask(path, what, client, type, fn, arg, &end) == -1)
		return (ask_said);
	return (end.code == CONTROL_OK ? NULL : ask_strcode(end.code));
}

/* After a restart with a lower limit there may be more than that. */
static size_t
most_grants(const struct control_status *s)
{
	return (s->grants > s->grants_max ? s->grants : s->grants_max);
}

void
opened_ask(struct opened *o, const char *path, const struct addr *client)
{
	const struct ask_manner before = ask_manner;
	static struct answer answer;
	const char *why;

	*o = (struct opened){ .of_all = client == NULL };
	answer.there = false;
	ask_manner = (struct ask_manner){ .seconds = PATIENCE, .whole = true,
	    .quiet = true };
	why = ask_one(path, CONTROL_STATS, NULL, CONTROL_STATUS, hear_status,
	    &answer);
	if (why == NULL && !answer.there)
		why = ask_strcode(CONTROL_BAD);
	o->sum = answer.status.sum;
	o->max = most_grants(&answer.status);
	if (why == NULL)
		why = ask_one(path, CONTROL_GRANTS, client, CONTROL_GRANT,
		    hear_grant, o);
	ask_manner = before;
	if (why != NULL)
		o->why = why;
	o->known = o->why == NULL;
	if (!o->known)
		o->n = 0;
	opened_sort(o);
}

/* --- what was answered --- */

static bool
room_for_more(struct opened *o)
{
	size_t room = 2 * o->room + CONTROL_BATCH_MAX;
	struct control_grant *more = reallocarray(o->grants, room,
	    sizeof(*more));

	if (more == NULL)
		return (false);
	o->grants = more;
	o->room = room;
	return (true);
}

void
opened_add(struct opened *o, const struct control_grant *g)
{
	if (o->n == o->max)
		o->why = ask_strcode(CONTROL_BAD);
	else if (o->n == o->room && !room_for_more(o))
		o->why = strerror(ENOMEM);
	else
		o->grants[o->n++] = *g;
}

/* Those of one name come in one order, whatever that of the answers was. */
static int
by_label(const void *a, const void *b)
{
	const struct control_grant *x = a, *y = b;
	int order = memcmp(x->label, y->label, sizeof(x->label));

	if (order == 0)
		order = x->family - y->family;
	if (order == 0)
		order = memcmp(x->client, y->client, sizeof(x->client));
	if (order == 0)
		order = memcmp(x->dst, y->dst, sizeof(x->dst));
	if (order == 0)
		order = x->proto - y->proto;
	return (order != 0 ? order : x->port - y->port);
}

void
opened_sort(struct opened *o)
{
	if (o->n > 1)
		qsort(o->grants, o->n, sizeof(*o->grants), by_label);
}

static bool
has_label(const struct opened *o, size_t i, const char label[MSG_LABEL_SIZE])
{
	return (i < o->n &&
	    memcmp(o->grants[i].label, label, MSG_LABEL_SIZE) == 0);
}

size_t
opened_from(const struct opened *o, const struct dns_name *name,
    const struct control_grant **first)
{
	size_t low = 0, high = o->n, middle, n = 0;
	char label[MSG_LABEL_SIZE];

	label_of(name, label);
	while (low < high) {
		middle = low + (high - low) / 2;
		if (memcmp(o->grants[middle].label, label,
		    MSG_LABEL_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (has_label(o, low + n, label))
		n++;
	*first = n > 0 ? &o->grants[low] : NULL;
	return (n);
}

bool
opened_is_cut(const struct control_grant *g)
{
	return (g->label[0] == '*');
}

bool
opened_is_of(const struct opened *o, const struct acl_image *image,
    const struct addr *client, const struct control_grant *g)
{
	struct addr own = { .family = g->family }, asked = *client;

	if (!o->of_all)
		return (true);
	if (g->local != 0)
		return (addr_is_loopback(&asked));
	memcpy(own.bytes, g->client, sizeof(own.bytes));
	return (addr_equal(&own, &asked) || (acl_host_first(image, &own) &&
	    acl_host_first(image, &asked) && addr_equal(&own, &asked)));
}

void
opened_free(struct opened *o)
{
	free(o->grants);
	o->grants = NULL;
	o->n = o->room = 0;
}
