/* Tries beside others: whose share they are of, and which one has to end. */
#include "extra.h"

#include "log.h"
#include "loop.h"
#include "quota.h"
#include "settings.h"

#define EXTRA_PERIOD	60	/* seconds between log lines */
#define WAITERS_LOOK	64	/* of those who wait, for one with a share */

static struct stock extras;

void
extra_init(void)
{
	stock_init(&extras);
}

static void
extra_log(void)
{
	static struct log_limit limit;
	uint64_t count;

	if (log_allowed(&limit, loop.now, EXTRA_PERIOD, &count))
		log_warn("%llu question%s not asked once more: too many are, in "
		    "all or for one client", (unsigned long long)count,
		    log_s(count));
}

/*
 * Whose share one more is of: that of the exchange's client, or if it has no more,
 * of another one who waits.  NULL: nobody has any.
 */
static struct quota *
extra_payer(const struct exchange *x)
{
	const struct waiter *w;
	unsigned int n = 0;

	if (quota_may_try(x->quota))
		return (x->quota);
	TAILQ_FOREACH(w, &x->waiting, link) {
		if (quota_may_try(w->request->quota))
			return (w->request->quota);
		if (++n == WAITERS_LOOK)
			break;
	}
	return (NULL);
}

/* The oldest of the largest holder, if there is no room; else NULL. */
static struct attempt *
extra_oldest(void)
{
	if (extras.amount < settings.config.max_connections)
		return (NULL);
	return ((struct attempt *)(void *)((char *)stock_oldest(&extras) -
	    offsetof(struct attempt, stock)));
}

bool
extra_may(const struct exchange *x)
{
	const struct attempt *oldest = extra_oldest();

	/* One of its own for one of its own would be no gain. */
	if (extra_payer(x) != NULL && (oldest == NULL || oldest->exchange != x))
		return (true);
	extra_log();
	return (false);
}

struct attempt *
extra_in_the_way(void)
{
	struct attempt *oldest = extra_oldest();

	if (oldest != NULL)
		extra_log();
	return (oldest);
}

void
extra_take(const struct exchange *x, struct attempt *t)
{
	t->extra = true;
	stock_take(&extras, &extra_payer(x)->tries, &t->stock, 1);
}

static void
extra_give(struct attempt *t)
{
	stock_give(&extras, &t->stock);
	t->extra = false;
}

void
extra_leave(struct attempt *t)
{
	struct attempt *other = LIST_NEXT(t, link);

	if (other == NULL)
		other = LIST_FIRST(&t->exchange->tries);
	/* The others are beside one of them: that is another one then. */
	if (t->extra)
		extra_give(t);
	else if (other != t)
		extra_give(other);
}

void
extra_pass(struct exchange *x, const struct quota *from, struct quota *to)
{
	struct attempt *t;

	LIST_FOREACH(t, &x->tries, link) {
		if (t->extra && t->stock.share == &from->tries)
			stock_pass(&extras, &t->stock, &to->tries);
	}
}
