/* What dnsfw said at one moment. */
#include "sample.h"

#include <stdlib.h>

#define ROOM_FIRST	256

void
sample_clear(struct sample *s, uint64_t at)
{
	s->up = s->has_refusals = s->has_rules = false;
	s->at = at;
	s->nrefusals = s->nrules = 0;
}

/* Room for one more. */
static bool
has_room(struct sample *s)
{
	size_t room = s->room == 0 ? ROOM_FIRST : 2 * s->room;
	void *more;

	if (s->nrefusals < s->room)
		return (true);
	if (s->nrefusals >= SAMPLE_REFUSALS_MAX)
		return (false);
	more = reallocarray(s->refusals, room, sizeof(s->refusals[0]));
	if (more == NULL)
		return (false);
	s->refusals = more;
	s->room = room;
	return (true);
}

/* What another program sent may be anything. */
void
sample_add_refusal(struct sample *s, const struct control_refusal *r)
{
	struct control_refusal *to;

	if (!has_room(s))
		return;
	to = &s->refusals[s->nrefusals++];
	*to = *r;
	to->name[sizeof(to->name) - 1] = '\0';
	to->reason[sizeof(to->reason) - 1] = '\0';
}

void
sample_add_rule(struct sample *s, const struct control_rule *r)
{
	if (s->nrules < MSG_LINES_MAX)
		s->rules[s->nrules++] = *r;
}

static int
by_id(const void *a, const void *b)
{
	const struct control_refusal *x = a, *y = b;

	return ((x->id > y->id) - (x->id < y->id));
}

static int
by_line(const void *a, const void *b)
{
	const struct control_rule *x = a, *y = b;

	return ((x->line > y->line) - (x->line < y->line));
}

void
sample_sort(struct sample *s)
{
	if (s->nrefusals > 0)
		qsort(s->refusals, s->nrefusals, sizeof(s->refusals[0]), by_id);
	qsort(s->rules, s->nrules, sizeof(s->rules[0]), by_line);
}

uint32_t
sample_count(const struct sample *s, uint64_t id)
{
	const struct control_refusal key = { .id = id }, *found;

	if (s->nrefusals == 0)
		return (0);
	found = bsearch(&key, s->refusals, s->nrefusals,
	    sizeof(s->refusals[0]), by_id);
	return (found != NULL ? found->count : 0);
}

uint64_t
sample_hits(const struct sample *s, uint32_t line)
{
	const struct control_rule key = { .line = line }, *found;

	found = bsearch(&key, s->rules, s->nrules, sizeof(s->rules[0]),
	    by_line);
	return (found != NULL ? found->hits : 0);
}
