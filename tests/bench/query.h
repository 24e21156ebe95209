/*
 * The benchmark's DNS messages: query number N asks for the A record of
 * "nXXXXXXXX.bench.test" (N in hexadecimal), and the only true answer is
 * query_address(N).  So whoever sees an answer can check it without a table.
 * Numbers are in host byte order, messages in network byte order.  Pure.
 */
#ifndef BENCH_QUERY_H
#define BENCH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER	12
#define DNS_QUERY_LEN	38	/* of every query of the benchmark */
#define DNS_ANSWER_LEN	54	/* of the true answer: one A record more */
#define DNS_MESSAGE_MAX	1232

#define RCODE_NOERROR	0
#define RCODE_NXDOMAIN	3
#define RCODE_REFUSED	5

/*
 * Addresses repeat after this many numbers.  They are in 198.18.0.0/15, which
 * RFC 2544 gives to benchmarks.
 */
#define QUERY_ADDRESSES	(1U << 17)

/* What is wrong with an answer. */
enum query_err {
	QUERY_OK = 0,
	QUERY_EQUESTION,	/* not the question that was asked */
	QUERY_ERCODE,		/* another RCODE, or not a response at all */
	QUERY_EADDRESS,		/* not exactly the one true record */
	QUERY_ERR_COUNT
};

/* Write the query, of DNS_QUERY_LEN bytes. */
void	query_build(uint8_t *msg, uint16_t id, uint32_t number);

/* True, and *number, if msg of len bytes asks for a name of the benchmark. */
bool	query_number(const uint8_t *msg, size_t len, uint32_t *number);

/* The address of query number, host byte order. */
uint32_t query_address(uint32_t number);

/* The ID of a message of at least two bytes. */
uint16_t query_id(const uint8_t *msg);

/*
 * Make a response of the query in msg (len bytes, DNS_MESSAGE_MAX of room):
 * the true record for a name of the benchmark, no record for others.  Returns
 * the new length, or 0 if msg is no query.
 */
size_t	query_respond(uint8_t *msg, size_t len);

/* Is msg the answer with rcode to query number?  The ID is not looked at. */
enum query_err query_check(const uint8_t *msg, size_t len, uint32_t number,
	    uint8_t rcode);

/*
 * Is msg a refusal with rcode that is a header alone, without QR and question?
 * So dns-firewall refuses; nobody else's would pass.
 */
enum query_err query_check_bare(const uint8_t *msg, size_t len, uint8_t rcode);

#endif
