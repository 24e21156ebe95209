/*
 * The worker: one process, one event loop, and what its parts share.
 *
 * A turn of the loop takes what has come (queries, answers, results), and at
 * its end everything that was collected leaves in batches: questions to the
 * upstream, grants to dnsfw-priv, answers to clients, lines to the access log.
 * No timer holds anything back (F5).
 */
#ifndef SERVE_WORKER_H
#define SERVE_WORKER_H

#include <stdint.h>

#include "../acl/image.h"
#include "../dns/vet.h"
#include "msg.h"

struct event_base;

struct worker {
	struct msg_config config;
	struct addr_net	client_nets[MSG_NETS_MAX];	/* those of config */
	struct addr_net	deny_nets[MSG_NETS_MAX];
	struct addr_net	allow_nets[MSG_NETS_MAX];
	struct dns_vet	vet;		/* these, and own addresses (own.c) */
	struct event_base *base;
	const struct acl_image *image;
	uint8_t		families;	/* MSG_FAMILY_*: those with a chain */
	uint16_t	generation;	/* of the image, for GRANT */
	uint64_t	now;		/* clock_now() of this turn, ns */
	uint64_t	timeout;	/* --timeout, ns */
};

extern struct worker worker;

/* Events that are counted, for the statistics. */
struct counters {
	uint64_t	queries;	/* messages of clients */
	uint64_t	refused;	/* by the ACL */
	uint64_t	bad;		/* FORMERR, or of a kind not allowed */
	uint64_t	exchanges;	/* questions that went upstream */
	uint64_t	shared;		/* queries that joined another's (D12) */
	uint64_t	junk;		/* what was no answer (D10, D11) */
	uint64_t	timeouts;
	uint64_t	grants;		/* asked of dnsfw-priv */
	uint64_t	known;		/* grants that cost nothing (G7) */
	uint64_t	overload;	/* turned away at a limit */
};

extern struct counters counters;

/*
 * Before the confinement: take CONFIG from the channel, and prepare all that
 * needs a descriptor or a system call that is forbidden later.
 */
void	worker_init(void);

/* After it: READY, then serve until dnsfw-priv says STOP. */
void	worker_run(void);

/*
 * The most descriptors that the worker can have, and the TCP ports that it
 * connects to (host order; at most MSG_UPSTREAMS_MAX).
 */
unsigned long worker_descriptors(void);
size_t	worker_connect_ports(uint16_t ports[MSG_UPSTREAMS_MAX]);

/* Look at the clock; each callback of the loop begins with it. */
void	worker_clock(void);

/* To be called when something begins that has a deadline. */
void	worker_need_tick(void);

#endif
