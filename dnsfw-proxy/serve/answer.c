/* What an upstream's answer means, once for all who wait for it. */
#include "answer.h"

#include <string.h>

#include "hash.h"
#include "kept.h"

#define PIECE	512		/* links; each takes up to 50 ns */

/* The addresses of a long answer, while they are read in pieces. */
struct reading {
	struct dns_follow follow;
	struct dns_address out[DNS_ADDRESSES_MAX];
};

void
answer_begin(struct answer *a, const uint8_t *msg, size_t len,
    const struct dns_response *r, struct quota *quota)
{
	a->msg = msg;
	a->len = len;
	a->response = r;
	a->quota = quota;
	a->targets.items = a->links.items = a->addresses.items = NULL;
	a->reading.items = NULL;
}

void
answer_pass(struct answer *a, struct quota *to)
{
	kept_pass(a->targets.items, a->quota, to);
	kept_pass(a->links.items, a->quota, to);
	kept_pass(a->addresses.items, a->quota, to);
	kept_pass(a->reading.items, a->quota, to);
	a->quota = to;
}

void
answer_move(struct answer *from, struct answer *to)
{
	*to = *from;
	kept_set_of(to->targets.items, &to->targets);
	kept_set_of(to->links.items, &to->links);
	kept_set_of(to->addresses.items, &to->addresses);
	kept_set_of(to->reading.items, &to->reading);
}

void
answer_end(struct answer *a)
{
	kept_free(a->targets.items);
	kept_free(a->links.items);
	kept_free(a->addresses.items);
	kept_free(a->reading.items);
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
	*n = 0;
	if (a->links.items != NULL && a->links.err != DNS_OK)
		return (a->links.err);
	return (dns_answer_addresses(a->msg, a->len, a->response, hash_bytes, out,
	    DNS_ADDRESSES_MAX, n));
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

/* The second half of it, in pieces; false: there is not all that it takes. */
static bool
reading_begin(struct answer *a)
{
	const struct answer_part *links = &a->links;
	struct reading *r;

	if (links->items == NULL || links->err != DNS_OK)
		return (false);
	r = kept_alloc_if_room(a->quota, sizeof(*r), answer_evict, &a->reading);
	if (r != NULL)
		dns_follow_begin(&r->follow, links->items, links->n, hash_bytes,
		    r->out, DNS_ADDRESSES_MAX);
	a->reading.items = r;
	return (r != NULL);
}

/* A piece; false: there is no more of it. */
static bool
reading_go_on(struct answer *a)
{
	const struct answer_part *links = &a->links;
	struct reading *r = a->reading.items;
	enum dns_err err;
	bool more;

	/* Others may have needed the room: who asks has to read it then. */
	if (r == NULL || links->items == NULL)
		return (false);
	err = dns_follow_some(&r->follow, a->msg, a->response, links->items,
	    links->n, PIECE, &more);
	if (err == DNS_OK && more)
		return (true);
	a->addresses.n = r->follow.addresses.n;
	answer_keep(a, &a->addresses, r->out, sizeof(r->out[0]), err);
	kept_free(r);
	a->reading.items = NULL;
	return (true);
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
	else if (part == 2 && addresses && !reading_begin(a))
		(void)!answer_addresses(a, &list, &n);
	else
		return (reading_go_on(a));
	return (true);
}
