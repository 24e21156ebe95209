/*
 * The load generator's two halves (UDP, TCP), and what they share.  Times are
 * CLOCK_MONOTONIC nanoseconds.
 */
#ifndef BENCH_LOADGEN_H
#define BENCH_LOADGEN_H

#include <netinet/in.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "plan.h"
#include "query.h"

#define SECOND		1000000000ULL
#define LOST_AFTER	(3 * SECOND)	/* without an answer */
#define WINDOW_MAX	20000U

struct load {
	/* what to do */
	struct sockaddr_in server;
	struct plan	plan;
	uint32_t	window;		/* queries in flight, at most */
	uint64_t	count;		/* queries, at most */
	uint64_t	duration;	/* ns, at most */
	uint32_t	rate;		/* queries a second; 0: closed loop */
	uint32_t	per_connection;	/* queries; 0: UDP */
	uint32_t	depth;		/* in flight on one connection */
	bool		bare;		/* refusals are a header alone */

	/* what came of it */
	uint64_t	start;
	uint64_t	end;		/* the last answer */
	uint64_t	sent;
	uint64_t	answered;	/* rightly */
	uint64_t	lost;
	uint64_t	wrong[QUERY_ERR_COUNT];
	uint64_t	strays;		/* answers that nobody waits for */
	uint64_t	failed;		/* TCP connections */
	struct histogram latency;
};

/* Set by SIGTERM: send nothing more, take what is still to come, and end. */
extern volatile sig_atomic_t load_stopping;

uint64_t load_now(void);

/* May another query be sent, count, duration and signals considered? */
bool	load_goes_on(const struct load *, uint64_t now);

/* Account for the answer to ask, sent at that time. */
void	load_answer(struct load *, const struct ask *, uint64_t sent,
	    uint64_t now, const uint8_t *msg, size_t len);

void	load_udp(struct load *);
void	load_tcp(struct load *);

#endif
