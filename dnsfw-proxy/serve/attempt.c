/* What becomes of an attempt goes to who began it. */
#include "attempt.h"

static const struct attempt_events *events;

void
attempt_init(const struct attempt_events *e)
{
	events = e;
}

bool
attempt_arrived(struct attempt *t, const uint8_t *msg, size_t len)
{
	return (events->arrived(t, msg, len));
}

void
attempt_failed(struct attempt *t, enum way way)
{
	events->failed(t, way);
}

void
attempt_left(struct attempt *t)
{
	events->left(t);
}
