/* Lists of those who wait. */
#include "waiter.h"

void
waiters_take(struct waiters *from, const struct quota *quota, struct waiters *to)
{
	struct waiter *w, *next;

	for (w = TAILQ_FIRST(from); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		if (w->request->quota != quota)
			continue;
		TAILQ_REMOVE(from, w, link);
		TAILQ_INSERT_TAIL(to, w, link);
	}
}
