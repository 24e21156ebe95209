/* Numbers instead of names. */
#include "numbers.h"

#include <string.h>

void
dns_numbers_begin(struct dns_numbers *s, const uint8_t *msg, size_t len,
    dns_hash_fn *hash, uint16_t *at, struct dns_number *number, size_t max,
    uint16_t *slot, size_t nslots)
{
	*s = (struct dns_numbers){ .msg = msg, .len = len, .hash = hash,
	    .at = at, .nat = dns_places_room(len), .number = number,
	    .max = max, .n = 1, .slot = slot, .nslots = nslots };
	memset(at, 0, s->nat * sizeof(*at));
	memset(slot, 0, nslots * sizeof(*slot));
}

/* The label at that offset, as a name of its own, in lower case. */
static void
fold_label(const struct dns_numbers *s, size_t at, struct dns_name *out)
{
	out->labels = 1;
	out->len = (uint8_t)(s->msg[at] + 1);
	memcpy(out->wire, s->msg + at, out->len);
	dns_name_fold(out, out);
}

static bool
is_label(const struct dns_numbers *s, size_t at, const struct dns_name *folded)
{
	DNS_UNINITIALIZED struct dns_name other;

	if (s->msg[at] + 1U != folded->len)
		return (false);
	fold_label(s, at, &other);
	return (dns_name_identical(&other, folded));
}

/* The number of the label at that offset before the name rest. */
static enum dns_err
number_of(struct dns_numbers *s, size_t at, uint16_t rest, uint16_t *number)
{
	DNS_UNINITIALIZED struct dns_name label;
	uint16_t *slot;
	size_t i;

	fold_label(s, at, &label);
	i = s->hash(label.wire, label.len) + rest * 0x9e3779b97f4a7c15U;
	for (i ^= i >> 32;; i++) {
		slot = &s->slot[i & (s->nslots - 1)];
		if (*slot == 0)
			break;
		*number = *slot;
		if (s->number[*slot].rest == rest &&
		    is_label(s, s->number[*slot].label, &label))
			return (DNS_OK);
	}
	if (s->n == s->max)
		return (DNS_ECOUNT);
	s->number[s->n] = (struct dns_number){ (uint16_t)at, rest };
	*slot = *number = (uint16_t)s->n++;
	return (DNS_OK);
}

/*
 * The labels from c->pos on, up to the root or a place that is known: its number
 * is *known.  *n of them, and pointers.
 */
static enum dns_err
numbers_walk(const struct dns_numbers *s, struct rcur *c,
    uint16_t at[2 * DNS_LABELS_MAX], size_t *n, uint16_t *known)
{
	struct rcur run = *c;
	uint16_t here;
	uint8_t len;

	for (*n = 0;;) {
		here = (uint16_t)run.pos;
		if (here < s->nat && s->at[here] != 0) {
			*known = (uint16_t)(s->at[here] - 1);
			return (DNS_OK);
		}
		if (rcur_u8(&run, &len) == -1)
			return (DNS_ESHORT);
		if (len == 0) {
			*known = 0;
			return (DNS_OK);
		}
		if (*n == 2 * DNS_LABELS_MAX)
			return (DNS_EPOINTER);
		at[(*n)++] = here;
		if (len > DNS_LABEL_MAX) {
			if (rcur_u8(&run, &len) == -1)
				return (DNS_ESHORT);
			run.pos = (size_t)(s->msg[here] & 0x3f) << 8 | len;
			if (run.pos >= here)
				return (DNS_EPOINTER);
		} else if (rcur_skip(&run, len) == -1)
			return (DNS_ESHORT);
	}
}

enum dns_err
dns_numbers_read(struct dns_numbers *s, struct rcur *c, uint16_t *number)
{
	DNS_UNINITIALIZED uint16_t at[2 * DNS_LABELS_MAX];
	enum dns_err err;
	size_t n;

	err = numbers_walk(s, c, at, &n, number);
	for (; err == DNS_OK && n > 0; n--) {
		if (s->msg[at[n - 1]] <= DNS_LABEL_MAX)
			err = number_of(s, at[n - 1], *number, number);
		if (at[n - 1] < s->nat)
			s->at[at[n - 1]] = (uint16_t)(*number + 1);
	}
	return (err != DNS_OK ? err : dns_name_skip(c));
}
