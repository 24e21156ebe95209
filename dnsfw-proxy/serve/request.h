/* A client's request, as far as it is known. */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/message.h"
#include "addr.h"
#include "asker.h"

struct quota;

#define REQUEST_NOBODY	(-1)	/* no upstream was asked */

/* Header and question: what an answer made here repeats. */
#define REQUEST_HEAD_MAX	(DNS_HEADER_SIZE + DNS_NAME_MAX + 4)

struct request {
	struct addr	 client;
	struct asker	 from;
	struct quota	*quota;		/* its place, or NULL */
	LIST_ENTRY(request) of_asker;	/* UDP: see again.h */
	struct dns_query dns;
	const uint8_t	*msg;		/* while it waits only header and */
	size_t		 len;		/* question */
	uint64_t	 since;		/* when it came, ns */
	uint32_t	 rule;		/* line of the one that decided, or 0 */
	uint16_t	 generation;	/* of the list that it is in */
	int		 upstream;	/* that answered, or was asked last */
	bool		 named;		/* allowed by a rule that names it */
	bool		 aliased;	/* allowed as an alias target (D14) */
	bool		 audited;	/* refused, but for --audit (U8) */
};
LIST_HEAD(requests, request);

/* The most octets that the client takes. */
size_t	request_limit(const struct request *);

/* It has closed its connection: it takes no answer, and connects nowhere. */
bool	request_has_left(const struct request *);

#endif
