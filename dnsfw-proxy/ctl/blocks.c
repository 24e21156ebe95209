/* The block rules of a list, by client and name. */
#include "blocks.h"

#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#define NET_SIZE	18		/* octets of a client in a key */
#define KEY_MAX		(NET_SIZE + DNS_NAME_MAX + 1)

/*
 * A key is the client, the name's labels from the last to the first, each with a
 * NUL behind it, and one of these: so what is below a name begins with its key.
 */
enum { IS_NAME = 1, IS_WILDCARD, IS_BELOW };

struct block {
	const uint8_t	*key;
	uint16_t	len;
	uint32_t	rule;		/* index */
};

static size_t
make_key(const struct addr_net *client, const struct dns_name *name,
    uint8_t end, uint8_t key[KEY_MAX])
{
	uint8_t starts[DNS_LABELS_MAX], length;
	size_t at, i, n = 0;

	key[n++] = client->base.family;
	key[n++] = client->prefix;
	memcpy(key + n, client->base.bytes, sizeof(client->base.bytes));
	n += sizeof(client->base.bytes);
	for (i = at = 0; i < name->labels; i++) {
		starts[i] = (uint8_t)at;
		at += 1U + name->wire[at];
	}
	while (i-- > 0) {
		length = name->wire[starts[i]];
		for (at = 1; at <= length; at++)
			key[n++] = (uint8_t)tolower(name->wire[starts[i] + at]);
		key[n++] = '\0';
	}
	key[n++] = end;
	return (n);
}

static int
compare_keys(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return (order != 0 ? order : (a_len > b_len) - (a_len < b_len));
}

static int
compare_blocks(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	return (compare_keys(x->key, x->len, y->key, y->len));
}

static void
collect_blocks(struct blocks *b)
{
	const struct list *l = b->list;
	struct parse_rule rule;
	uint8_t key[KEY_MAX];
	size_t used = 0, size = 0, len;
	uint32_t i;

	b->at = calloc(l->nrules + 1UL, sizeof(*b->at));
	if (b->at == NULL)
		err(1, "calloc");
	for (i = 0; i < l->nrules; i++) {
		if (l->rules[i].grouped || !l->rules[i].blocks)
			continue;
		list_parse(&l->rules[i], &rule);
		b->prefixes[rule.client.base.family == ADDR_V6]
		    [rule.client.prefix] = true;
		len = make_key(&rule.client, &rule.name, rule.wildcard ?
		    IS_WILDCARD : IS_NAME, key);
		if (size - used < len &&
		    (b->octets = realloc(b->octets, size = 2 * size +
		    KEY_MAX)) == NULL)
			err(1, "realloc");
		memcpy(b->octets + used, key, len);
		used += len;
		b->at[b->n++] = (struct block){ .len = (uint16_t)len,
		    .rule = i };
	}
	for (i = 0, used = 0; i < b->n; used += b->at[i++].len)
		b->at[i].key = b->octets + used;
	qsort(b->at, b->n, sizeof(*b->at), compare_blocks);
}

void
blocks_init(struct blocks *b, const struct list *l)
{
	*b = (struct blocks){ .list = l };
}

void
blocks_free(struct blocks *b)
{
	free(b->at);
	free(b->octets);
}

/* The first block whose key is not before it. */
static uint32_t
first_from(const struct blocks *b, const uint8_t *key, size_t len)
{
	uint32_t low = 0, high = b->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_keys(b->at[middle].key, b->at[middle].len, key,
		    len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (low);
}

/* One for names below the rule's, of these clients, that it passes over. */
static uint32_t
passed_over_of(const struct blocks *b, const struct list_rule *r,
    const struct parse_rule *rule, const struct addr_net *client)
{
	struct parse_rule block;
	uint8_t key[KEY_MAX];
	size_t len = make_key(client, &rule->name, IS_BELOW, key);
	uint32_t i = first_from(b, key, len), end = i + BLOCKS_LOOKS;
	const struct list_rule *found;

	for (len--; i < b->n && i < end && b->at[i].len > len &&
	    memcmp(b->at[i].key, key, len) == 0; i++) {
		found = &b->list->rules[b->at[i].rule];
		list_parse(found, &block);
		if (relate_first(b->list->image, &rule->client, &block.name,
		    block.wildcard) == r->record)
			return (found->line);
	}
	return (0);
}

uint32_t
blocks_passed_over(struct blocks *b, const struct list_rule *r,
    const struct parse_rule *rule)
{
	struct addr_net client = rule->client;
	uint32_t line = 0;
	unsigned int i;

	if (b->at == NULL)
		collect_blocks(b);
	for (i = rule->client.prefix; line == 0 && i-- > 0;) {
		if (!b->prefixes[client.base.family == ADDR_V6][i])
			continue;
		addr_mask(&client.base, i);
		client.prefix = (uint8_t)i;
		line = passed_over_of(b, r, rule, &client);
	}
	return (line);
}
