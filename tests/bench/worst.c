/* The messages that cost dnsfw most. */
#include "worst.h"

#include <string.h>

#include "query.h"

#define RECORD		12	/* a pointer, and no rdata */
#define ADDRESS		16	/* a pointer, and an address */
#define POINTER		0xc000
#define TO_QUESTION	(POINTER | DNS_HEADER)
#define STAIRS		126
#define STEPS_MAX	4096	/* pointers of a message, D21 */
#define LARGE		3300	/* addresses of worst_large() */
#define OWNERS		17
#define LABEL_MAX	63
#define LAST_LABEL	60	/* so that the name has 254 octets */

#define ALIASES		16	/* that are followed (D14) */
#define ALIAS_ADDRESSES	10	/* with these it has 512 octets at most */
#define HELD		5060	/* octets of worst_held() */
#define HELD_ADDRESSES	3

#define TYPE_A		1
#define TYPE_CNAME	5
#define TYPE_TXT	16
#define TYPE_OF_NOBODY	65280
#define TTL		60
#define LONG_TTL	3600

struct message {
	uint8_t	*octets;
	size_t	len;
};

static void
put(struct message *m, size_t v, size_t octets)
{
	while (octets-- > 0)
		m->octets[m->len++] = (uint8_t)(v >> 8 * octets);
}

static void
put_count(const struct message *m, size_t at, size_t n)
{
	m->octets[at] = (uint8_t)(n >> 8);
	m->octets[at + 1] = (uint8_t)n;
}

/* What follows an owner: its rdata is for the caller. */
static void
put_record(struct message *m, size_t type, size_t ttl, size_t rdlength)
{
	put(m, type, 2);
	put(m, 1, 2);
	put(m, ttl, 4);
	put(m, rdlength, 2);
}

/* Pointers, each to the one before; returns where the last one is. */
static size_t
put_stairs(struct message *m)
{
	size_t i, at = 0;

	put_record(m, TYPE_OF_NOBODY, 0, 1 + 2 * STAIRS);
	put(m, 0, 1);
	for (i = 0; i < STAIRS; i++) {
		at = m->len;
		put(m, POINTER | (i == 0 ? at - 1 : at - 2), 2);
	}
	return (at);
}

static size_t
put_labels(struct message *m)
{
	size_t i, at;

	put_record(m, TYPE_OF_NOBODY, 0, 2 * STAIRS + 1);
	at = m->len;
	for (i = 0; i < STAIRS; i++)
		put(m, 0x0161, 2);
	put(m, 0, 1);
	return (at);
}

size_t
worst_query(uint8_t *msg, enum worst_names names)
{
	struct message m = { msg, 0 };
	size_t at, n;

	put(&m, 0x1234, 2);
	put(&m, 0x0100, 2);
	put(&m, 1, 2);
	put(&m, 0, 6);			/* the last count comes at the end */
	put(&m, 0x0161, 2);
	put(&m, 0, 1);
	put(&m, 1, 2);
	put(&m, 1, 2);
	put(&m, 0, 1);
	at = names == WORST_STAIRS ? put_stairs(&m) : put_labels(&m);
	for (n = 0; WORST_MAX - m.len >= RECORD &&
	    (names == WORST_STAIRS || n < STEPS_MAX); n++) {
		put(&m, POINTER | at, 2);
		put_record(&m, TYPE_OF_NOBODY, 0, 0);
	}
	put_count(&m, 10, n + 1);
	return (m.len);
}

/* Header and question of an answer. */
static void
begin(struct message *m, const uint8_t *query)
{
	memcpy(m->octets, query, DNS_QUERY_LEN);
	m->len = DNS_QUERY_LEN;
	m->octets[2] = 0x81;
	m->octets[3] = 0x80;
	memset(m->octets + 6, 0, 6);
}

static void
put_address(struct message *m, size_t owner, size_t ttl, size_t n)
{
	put(m, owner, 2);
	put_record(m, TYPE_A, ttl, 4);
	put(m, 198U << 24 | 19U << 16 | n, 4);
}

static void
put_owner(struct message *m, size_t n)
{
	static const size_t lengths[] = {
		LABEL_MAX, LABEL_MAX, LABEL_MAX, LAST_LABEL
	};
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		put(m, lengths[i], 1);
		memset(m->octets + m->len, 'a', lengths[i]);
		m->len += lengths[i];
	}
	m->octets[m->len - 1] = (uint8_t)('a' + n);
	put(m, 0, 1);
}

size_t
worst_chain(uint8_t *msg, const uint8_t *query)
{
	struct message m = { msg, 0 };
	size_t i, n, starts[OWNERS - 1], at;

	begin(&m, query);
	put(&m, TO_QUESTION, 2);
	for (i = 0; i < OWNERS; i++) {
		put_record(&m, TYPE_CNAME, TTL, 0);
		at = m.len;
		put_owner(&m, i);
		put_count(&m, at - 2, m.len - at);
		if (i == OWNERS - 1)
			break;
		starts[i] = m.len;
		put_owner(&m, i);
	}
	for (n = OWNERS; m.len <= WORST_MAX - ADDRESS; n++)
		put_address(&m, POINTER | starts[n % (OWNERS - 1)], TTL, n);
	put_count(&m, 6, n);
	return (m.len);
}

static size_t
addresses(uint8_t *msg, const uint8_t *query, size_t count, size_t ttl)
{
	struct message m = { msg, 0 };
	size_t n;

	begin(&m, query);
	for (n = 0; n < count; n++)
		put_address(&m, TO_QUESTION, ttl, n);
	put_count(&m, 6, count);
	return (m.len);
}

size_t
worst_large(uint8_t *msg, const uint8_t *query)
{
	return (addresses(msg, query, LARGE, TTL));
}

size_t
worst_many(uint8_t *msg, const uint8_t *query, uint32_t ttl)
{
	return (addresses(msg, query, WORST_MANY, ttl));
}

/* Each to the next one, which has a letter and the zone of the question. */
size_t
worst_aliases(uint8_t *msg, const uint8_t *query)
{
	size_t i, zone = DNS_HEADER + 1 + query[DNS_HEADER];
	size_t owner = TO_QUESTION;
	struct message m = { msg, 0 };

	begin(&m, query);
	for (i = 0; i < ALIASES; i++) {
		put(&m, owner, 2);
		put_record(&m, TYPE_CNAME, LONG_TTL, 4);
		owner = POINTER | m.len;
		put(&m, 1, 1);
		put(&m, 'a' + i, 1);
		put(&m, POINTER | zone, 2);
	}
	for (i = 0; i < ALIAS_ADDRESSES; i++)
		put_address(&m, owner, LONG_TTL, i);
	put_count(&m, 6, ALIASES + ALIAS_ADDRESSES);
	return (m.len);
}

size_t
worst_held(uint8_t *msg, const uint8_t *query)
{
	struct message m = { msg, 0 };
	size_t n;

	begin(&m, query);
	for (n = 0; n < HELD_ADDRESSES; n++)
		put_address(&m, TO_QUESTION, LONG_TTL, n);
	put(&m, TO_QUESTION, 2);
	put_record(&m, TYPE_TXT, LONG_TTL, HELD - m.len - 10);
	while (m.len < HELD) {
		n = HELD - m.len - 1;
		if (n > 255)
			n = 255;
		put(&m, n, 1);
		memset(m.octets + m.len, 'x', n);
		m.len += n;
	}
	put_count(&m, 6, HELD_ADDRESSES + 1);
	return (m.len);
}
