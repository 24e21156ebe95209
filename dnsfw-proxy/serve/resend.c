/* What could not be sent, by when it is sent again. */
#include "resend.h"

#include "clock.h"
#include "loop.h"

/*
 * What cannot be sent is sent again after this time, twice the time, and so on:
 * a firewall that is loaded anew takes 60 ms, an address that is renewed a
 * second.  A client whose upstream can never be reached is to know it soon.
 */
#define RESEND_TIME	(CLOCK_SECOND / 10)

/* By how often it was sent again: all in a list wait equally long. */
static struct exchanges by_resend[RESENDS_MAX];

void
resend_init(void)
{
	unsigned int i;

	for (i = 0; i < RESENDS_MAX; i++)
		TAILQ_INIT(&by_resend[i]);
}

void
resend_prepare(struct exchange *x)
{
	x->unsent = 0;
	x->nresends = 0;
	x->resending = false;
}

void
resend_later(struct exchange *x, int upstream)
{
	x->unsent |= 1U << upstream;
	if (x->resending || x->nresends == RESENDS_MAX)
		return;
	x->resending = true;
	x->resend_at = loop.now + (RESEND_TIME << x->nresends);
	TAILQ_INSERT_TAIL(&by_resend[x->nresends], x, by_resend);
}

void
resend_forget(struct exchange *x)
{
	if (x->resending)
		TAILQ_REMOVE(&by_resend[x->nresends], x, by_resend);
	x->resending = false;
}

/* The first one in a list that is due, or NULL. */
static struct exchange *
resend_due(void)
{
	struct exchange *x;
	unsigned int i;

	for (i = 0; i < RESENDS_MAX; i++) {
		x = TAILQ_FIRST(&by_resend[i]);
		if (x != NULL && x->resend_at <= loop.now)
			return (x);
	}
	return (NULL);
}

struct exchange *
resend_next(void)
{
	struct exchange *x = resend_due();

	if (x == NULL || loop_tick_over())
		return (NULL);
	resend_forget(x);
	x->nresends++;
	x->tried &= ~x->unsent;
	x->unsent = 0;
	return (x);
}
