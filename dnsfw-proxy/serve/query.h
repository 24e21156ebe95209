/*
 * One request of a client, from its first byte to its answer.
 *
 *	query_receive ─► refused, answered here, malformed: replied at once
 *	      └► exchange_join ─► query_answered ─► grants ─► query_reply
 */
#ifndef SERVE_QUERY_H
#define SERVE_QUERY_H

#include <sys/queue.h>

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/build.h"
#include "../dns/message.h"
#include "addr.h"

/* Header and question: what an answer made here repeats. */
#define QUERY_HEAD_MAX	(DNS_HEADER_SIZE + DNS_NAME_MAX + 4)

struct access;
struct quota;
struct exchange;
struct tcp_conn;

/* Where the answer goes. */
struct endpoint {
	struct tcp_conn	*conn;		/* NULL: UDP, or a client that left */
	bool		 tcp;
	/* UDP: */
	unsigned int	 listener;	/* number of the --bind */
	socklen_t	 peer_len;
	union {
		struct sockaddr		sa;
		struct sockaddr_in	in;
		struct sockaddr_in6	in6;
	} peer;
	uint8_t		 local_family;	/* what was asked (D1): ADDR_V4, */
	union {				/* ADDR_V6, or 0: need not be said */
		struct in_pktinfo	in;
		struct in6_pktinfo	in6;
	} local;
};

struct query {
	TAILQ_ENTRY(query) link;	/* of its exchange; or free */
	LIST_ENTRY(query) of_conn;	/* TCP: its connection's */
	LIST_ENTRY(query) of_asker;	/* UDP: see again.h */
	struct exchange	*exchange;	/* NULL once that has its answer */
	struct quota	*client;	/* its place */
	struct addr	 addr;		/* the client's address */
	struct endpoint	 from;
	struct dns_query dns;
	uint64_t	 since;		/* when it came */
	uint32_t	 rule;		/* line of the one that admitted it */
	int		 upstream;	/* as in struct access */
	bool		 wants_grants;	/* -> : what the answer names is vetted */
	bool		 named;		/* allowed by a rule that names it */
	bool		 aliased;	/* allowed as an alias target (D14) */
	struct held	*held;	/* while grants are on their way */
	uint8_t		 head[QUERY_HEAD_MAX];
};

/* Before the first client. */
void	query_init(void);

/*
 * A message from addr, an IPv4-mapped address already IPv4.  msg is only read.
 */
void	query_receive(const uint8_t *msg, size_t len, const struct addr *addr,
	    const struct endpoint *from);

/*
 * The upstream's answer to its question, parsed to the last byte.  msg is only
 * read, and belongs to the caller.
 */
void	query_answered(struct query *, const uint8_t *msg, size_t len,
	    const struct dns_response *);

/* What is known of it for a line of the access log about an answer. */
void	query_facts(const struct query *, int rcode, struct access *);

/* Log an answer that passes without a grant, or the error that it is. */
void	query_log_passed(const struct query *, const struct dns_response *);

/* There is no good answer: SERVFAIL, and the reason for the log and as EDE. */
void	query_failed(struct query *, enum dns_ede, const char *reason);

/*
 * Send an answer (not larger than the client takes) and end the query.  The
 * id and the question's spelling become the client's, in place.
 */
void	query_reply(struct query *, uint8_t *msg, size_t len);

/* The most octets that the client takes. */
size_t	query_limit(const struct query *);

#endif
