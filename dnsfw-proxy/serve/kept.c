/* What is kept for the requests of a client while they wait. */
#include "kept.h"

#include <stdlib.h>

#include "log.h"
#include "loop.h"

#define KEPT_PERIOD	60	/* seconds between log lines */
/* What may have to go for one: so many of the shortest have 64 KiB. */
#define KEPT_EVICTS	128

/* Before what is kept. */
struct kept {
	struct stock_item item;
	kept_evict	*evict;
	void		*of;
	_Alignas(max_align_t) char p[];
};

static struct stock kept_stock;

void
kept_init(void)
{
	stock_init(&kept_stock);
}

static struct kept *
kept_of(void *p)
{
	return ((struct kept *)(void *)((char *)p - offsetof(struct kept, p)));
}

static void
kept_refused(void)
{
	static struct log_limit limit;
	uint64_t count;

	if (log_allowed(&limit, loop.now, KEPT_PERIOD, &count))
		log_warn("%llu message%s not kept: the room for long ones, or "
		    "one client's share of it, is in use",
		    (unsigned long long)count, log_s(count));
}

bool
kept_may_have(const struct quota *q, size_t size)
{
	return (size <= KEPT_SHARE && q->kept.amount + size <= KEPT_SHARE);
}

/* Let the largest holders' oldest go. */
static void
kept_make_room(size_t size)
{
	struct stock_item *oldest;
	struct kept *k;
	unsigned int i;

	for (i = 0; kept_stock.amount + size > KEPT_MAX; i++) {
		oldest = stock_oldest(&kept_stock);
		if (i == KEPT_EVICTS || oldest == NULL)
			return;
		k = (struct kept *)(void *)((char *)oldest -
		    offsetof(struct kept, item));
		kept_refused();
		k->evict(k->p, k->of);
	}
}

void *
kept_alloc(struct quota *q, size_t size, kept_evict *evict, void *of)
{
	if (kept_may_have(q, size))
		kept_make_room(size);
	return (kept_alloc_if_room(q, size, evict, of));
}

void *
kept_alloc_if_room(struct quota *q, size_t size, kept_evict *evict, void *of)
{
	struct kept *k;

	if (!kept_may_have(q, size) || kept_stock.amount + size > KEPT_MAX) {
		kept_refused();
		return (NULL);
	}
	if ((k = malloc(sizeof(*k) + size)) == NULL)
		return (NULL);
	k->evict = evict;
	k->of = of;
	stock_take(&kept_stock, &q->kept, &k->item, (uint32_t)size);
	return (k->p);
}

void
kept_set_of(void *p, void *of)
{
	if (p != NULL)
		kept_of(p)->of = of;
}

void
kept_pass(void *p, const struct quota *from, struct quota *to)
{
	struct kept *k;

	if (p == NULL)
		return;
	k = kept_of(p);
	if (k->item.share == &from->kept && from != to)
		stock_pass(&kept_stock, &k->item, &to->kept);
}

void
kept_free(void *p)
{
	struct kept *k;

	if (p == NULL)
		return;
	k = kept_of(p);
	stock_give(&kept_stock, &k->item);
	free(k);
}
