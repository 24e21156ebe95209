/* What an upstream's answer means, once for all who wait for it. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

void
answer_begin(struct answer *a, const uint8_t *msg, size_t len,
    const struct dns_response *r, bool several)
{
	a->msg = msg;
	a->len = len;
	a->response = r;
	a->several = several;
	a->targets.items = a->addresses.items = NULL;
}

void
answer_end(struct answer *a)
{
	free(a->targets.items);
	free(a->addresses.items);
}

/*
 * Keep what was read, in as little memory as it takes.  If there is none left
 * it is read again for the next one.
 */
static void
answer_keep(struct answer_part *part, const void *items, size_t size, size_t n,
    enum dns_err err)
{
	/* Of nothing, too: that was read as well. */
	if ((part->items = malloc(n * size + 1)) == NULL)
		return;
	memcpy(part->items, items, n * size);
	part->n = n;
	part->err = err;
}

enum dns_err
answer_targets(struct answer *a, const struct dns_target **out, size_t *n)
{
	static struct dns_target space[DNS_CHAIN_MAX];
	struct answer_part *part = &a->targets;
	enum dns_err err;

	if (part->items != NULL) {
		*out = part->items;
		*n = part->n;
		return (part->err);
	}
	*out = space;
	err = dns_answer_targets(a->msg, a->len, a->response, space, n);
	if (a->several)
		answer_keep(part, space, sizeof(space[0]), *n, err);
	return (err);
}

enum dns_err
answer_addresses(struct answer *a, const struct dns_address **out, size_t *n)
{
	static struct dns_address space[DNS_ADDRESSES_MAX];
	struct answer_part *part = &a->addresses;
	enum dns_err err;

	if (part->items != NULL) {
		*out = part->items;
		*n = part->n;
		return (part->err);
	}
	*out = space;
	err = dns_answer_addresses(a->msg, a->len, a->response, hash_bytes,
	    space, DNS_ADDRESSES_MAX, n);
	if (a->several)
		answer_keep(part, space, sizeof(space[0]), *n, err);
	return (err);
}
