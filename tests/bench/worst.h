/*
 * The messages that cost dnsfw most, each for its length.  Answers are to
 * queries of query.h, but for the first letter of the name.  Pure.
 */
#ifndef BENCH_WORST_H
#define BENCH_WORST_H

#include <stddef.h>
#include <stdint.h>

#define WORST_MAX	65535	/* octets of a message */
#define WORST_MANY	64	/* addresses of worst_many() */

enum worst_names {
	WORST_STAIRS,	/* over 126 pointers each, more than there may be (D21) */
	WORST_LABELS	/* 4,096 with one pointer each, to 126 labels */
};

/* A query of up to WORST_MAX octets that is full of such names. */
size_t	worst_query(uint8_t *msg, enum worst_names);

/*
 * Answers to the query, of DNS_QUERY_LEN octets: aliases over 17 names of 254
 * octets that differ in one letter, and addresses of all of them, 64 KiB;
 * addresses of the name, 53 KB; and WORST_MANY addresses.
 */
size_t	worst_chain(uint8_t *msg, const uint8_t *query);
size_t	worst_large(uint8_t *msg, const uint8_t *query);
size_t	worst_many(uint8_t *msg, const uint8_t *query, uint32_t ttl);

/*
 * The most that dnsfw remembers of one answer: as many aliases as are followed,
 * and addresses at their end; and three addresses in an answer of 5,060 octets,
 * which is held until they are granted: 16,384 of these and 32 MiB at once are
 * what there is room for.
 */
size_t	worst_aliases(uint8_t *msg, const uint8_t *query);
size_t	worst_held(uint8_t *msg, const uint8_t *query);

#endif
