/* How often the rules of the list in force matched. */
#include "hits.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "policy.h"

static struct hits *of_lines;		/* MSG_LINES_MAX */
static uint16_t counted;		/* generation of that list */

void
hits_open(void)
{
	of_lines = calloc(MSG_LINES_MAX, sizeof(*of_lines));
	if (of_lines == NULL)
		fatalx("no memory");
}

/* Another list begins with nothing. */
static struct hits *
hits_place(uint32_t line)
{
	if (counted != policy_generation()) {
		memset(of_lines, 0, MSG_LINES_MAX * sizeof(*of_lines));
		counted = policy_generation();
	}
	return (&of_lines[line - 1]);
}

void
hits_take(const struct msg_hits *m, uint64_t now)
{
	struct hits *h = hits_place(m->line);

	if (m->policy != counted)
		return;
	h->count += m->count;
	h->last = now;
}

const struct hits *
hits_of(uint32_t line)
{
	return (hits_place(line));
}
