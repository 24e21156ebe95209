/* How often the rules of the list in force matched. */
#include "hits.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "policy.h"

static struct hits *of_lines;		/* MSG_LINES_MAX */
static uint32_t text;			/* sum of that list's */
static uint16_t first_of_text;		/* generation of it */
static uint64_t since;			/* ns; 0: there was none yet */

void
hits_open(void)
{
	of_lines = calloc(MSG_LINES_MAX, sizeof(*of_lines));
	if (of_lines == NULL)
		fatalx("no memory");
}

void
hits_list(uint64_t now)
{
	if (since != 0 && text == policy_sum())
		return;
	memset(of_lines, 0, MSG_LINES_MAX * sizeof(*of_lines));
	text = policy_sum();
	first_of_text = policy_generation();
	since = now;
}

uint64_t
hits_since(void)
{
	return (since);
}

void
hits_take(const struct msg_hits *m, uint64_t now)
{
	struct hits *h = &of_lines[m->line - 1];

	/* Of the list in force, or of one before it with the same text. */
	if ((uint16_t)(m->policy - first_of_text) >
	    (uint16_t)(policy_generation() - first_of_text))
		return;
	h->count += m->count;
	h->last = now;
}

const struct hits *
hits_of(uint32_t line)
{
	return (&of_lines[line - 1]);
}
