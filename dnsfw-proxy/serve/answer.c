/* What an upstream's answer means, once for all who wait for it. */
#include "answer.h"

#include <string.h>

#include "hash.h"
#include "kept.h"

void
answer_begin(struct answer *a, const uint8_t *msg, size_t len,
    const struct dns_response *r, struct quota *quota)
{
	a->msg = msg;
	a->len = len;
	a->response = r;
	a->quota = quota;
	a->targets.items = a->links.items = a->addresses.items = NULL;
}

void
answer_pass(struct answer *a, struct quota *to)
{
	kept_pass(a->targets.items, a->quota, to);
	kept_pass(a->links.items, a->quota, to);
	kept_pass(a->addresses.items, a->quota, to);
	a->quota = to;
}

void
answer_move(struct answer *from, struct answer *to)
{
	*to = *from;
	kept_set_of(to->targets.items, &to->targets);
	kept_set_of(to->links.items, &to->links);
	kept_set_of(to->addresses.items, &to->addresses);
}

void
answer_end(struct answer *a)
{
	kept_free(a->targets.items);
	kept_free(a->links.items);
	kept_free(a->addresses.items);
}

/* Others need the room. */
static void
answer_evict(void *items, void *of)
{
	struct answer_part *part = of;

	kept_free(items);
	part->items = NULL;
}

/*
 * Keep what was read, in as little memory as it takes.  If there is none left
 * it is read again for the next one.
 */
static void
answer_keep(struct answer *a, struct answer_part *part, const void *items,
    size_t size, enum dns_err err)
{
	if (a->quota == NULL)
		return;
	/* Of nothing, too: that was read as well. */
	part->items = kept_alloc_if_room(a->quota, part->n * size + 1,
	    answer_evict, part);
	if (part->items == NULL)
		return;
	memcpy(part->items, items, part->n * size);
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
	err = dns_answer_targets(a->msg, a->len, a->response, space, &part->n);
	answer_keep(a, part, space, sizeof(space[0]), err);
	*n = part->n;
	return (err);
}

/* The first half of reading the addresses, not inline for its room on the stack. */
static void __attribute__((noinline))
links_ahead(struct answer *a)
{
	DNS_UNINITIALIZED struct dns_link space[DNS_LINKS_ROOM];
	enum dns_err err;

	err = dns_links_read(a->msg, a->response, hash_bytes, space, &a->links.n);
	answer_keep(a, &a->links, space, sizeof(space[0]), err);
}

static enum dns_err
read_addresses(const struct answer *a, struct dns_address *out, size_t *n)
{
	const struct answer_part *links = &a->links;

	*n = 0;
	if (links->items == NULL)
		return (dns_answer_addresses(a->msg, a->len, a->response,
		    hash_bytes, out, DNS_ADDRESSES_MAX, n));
	if (links->err != DNS_OK)
		return (links->err);
	return (dns_answer_follow(a->msg, a->response, links->items, links->n,
	    hash_bytes, out, DNS_ADDRESSES_MAX, n));
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
	err = read_addresses(a, space, &part->n);
	answer_keep(a, part, space, sizeof(space[0]), err);
	*n = part->n;
	return (err);
}

bool
answer_read_ahead(struct answer *a, unsigned int part, bool addresses)
{
	const struct dns_target *targets;
	const struct dns_address *list;
	size_t n;

	/* What is wrong with it is for who asks. */
	if (part == 0)
		(void)!answer_targets(a, &targets, &n);
	else if (part == 1 && addresses)
		links_ahead(a);
	else if (part == 2 && addresses)
		(void)!answer_addresses(a, &list, &n);
	else
		return (false);
	return (true);
}
