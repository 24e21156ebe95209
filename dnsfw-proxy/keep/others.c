/* The names of a grant but that which ends last. */
#include "others.h"

#include <stdbool.h>
#include <string.h>

static bool
is_name(const struct ledger_name *n, const char *label)
{
	return (n->end != 0 && memcmp(n->label, label, MSG_LABEL_SIZE) == 0);
}

void
others_put(struct others *o, const char *label, uint64_t end)
{
	struct ledger_name *n = &o->at[0];
	size_t i;

	for (i = 0; i < OTHERS; i++) {
		if (is_name(&o->at[i], label)) {
			n = &o->at[i];
			break;
		}
		if (o->at[i].end < n->end)
			n = &o->at[i];
	}
	if (end <= n->end)
		return;
	n->end = end;
	memcpy(n->label, label, MSG_LABEL_SIZE);
}

void
others_drop(struct others *o, const char *label)
{
	size_t i;

	for (i = 0; i < OTHERS; i++) {
		if (is_name(&o->at[i], label))
			o->at[i].end = 0;
	}
}

void
others_clear(struct others *o)
{
	size_t i;

	/* Pages that were never written to cost nothing. */
	for (i = 0; i < OTHERS; i++) {
		if (o->at[i].end != 0)
			o->at[i].end = 0;
	}
}

size_t
others_list(const struct others *o, uint64_t now, struct ledger_name *out)
{
	size_t i, n = 0;

	for (i = 0; i < OTHERS; i++) {
		if (o->at[i].end > now)
			out[n++] = o->at[i];
	}
	return (n);
}

struct ledger_name *
others_last(struct others *o)
{
	struct ledger_name *last = &o->at[0];
	size_t i;

	for (i = 1; i < OTHERS; i++) {
		if (o->at[i].end > last->end)
			last = &o->at[i];
	}
	return (last);
}

void
others_shorten(struct others *o, uint64_t end)
{
	size_t i;

	for (i = 0; i < OTHERS; i++) {
		if (o->at[i].end > end)
			o->at[i].end = end;
	}
}
