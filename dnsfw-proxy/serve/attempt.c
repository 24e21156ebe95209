/* What becomes of an attempt goes to who began it. */
#include "attempt.h"

#include <errno.h>

static const struct attempt_events *attempt_owner;

void
attempt_init(const struct attempt_events *e)
{
	attempt_owner = e;
}

bool
attempt_arrived(struct attempt *t, const uint8_t *msg, size_t len)
{
	return (attempt_owner->arrived(t, msg, len));
}

void
attempt_failed(struct attempt *t, enum way way)
{
	attempt_owner->failed(t, way);
}

void
attempt_left(struct attempt *t)
{
	attempt_owner->left(t);
}

void
attempt_doubted(struct attempt *t)
{
	attempt_owner->doubted(t);
}

bool
attempt_may_pass(int error)
{
	switch (error) {
	case EACCES:
	case EADDRNOTAVAIL:
	case EAGAIN:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
	case ENOBUFS:
	case ENOMEM:
	case EPERM:
		return (true);
	default:
		return (false);
	}
}
