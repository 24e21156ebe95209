/*
 * Who asks what: the sequence of queries of a load.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdint.h>

#define PLAN_CLIENTS_MAX	60000U
#define PLAN_CLIENT_FIRST	0x0a090001U	/* 10.9.0.1, host byte order */

/*
 * In PLAN_POLICY each client has this many names of its own, of which the last
 * ones are refused: client C has the numbers from C * 20 on.
 */
#define PLAN_CLIENT_NAMES	20U
#define PLAN_CLIENT_REFUSED	4U

enum plan_kind {
	PLAN_SEQUENCE,		/* the clients and the names in turn */
	PLAN_RANDOM,		/* the clients in turn, any of the names */
	PLAN_POLICY		/* any client, any of its own names */
};

struct plan {
	enum plan_kind	kind;
	uint32_t	clients;	/* 1..PLAN_CLIENTS_MAX */
	uint32_t	first;		/* number of the first name */
	uint32_t	names;		/* not 0 */
	uint8_t		rcode;		/* that is right (but for PLAN_POLICY) */
	uint64_t	asked;		/* so far */
	uint64_t	random;		/* state; starts as anything but 0 */
};

struct ask {
	uint32_t	client;		/* address, host byte order */
	uint32_t	number;		/* of the query: see query.h */
	uint8_t		rcode;		/* that the answer must have */
};

struct ask plan_next(struct plan *);

#endif
