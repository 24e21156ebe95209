/* A line of the access log, of either form (dnsfw(8), LOGS).  Pure. */
#ifndef CTL_LOGLINE_H
#define CTL_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "addr.h"

#define LOGLINE_MAX	8192	/* octets; one of dnsfw's has at most 4096 */

enum logline_kind {
	LOGLINE_OTHER = 0,	/* none of the access log */
	LOGLINE_ASKED,		/* ->, ~>: to an upstream */
	LOGLINE_GRANTED,	/* <- */
	LOGLINE_RESOLVED,	/* <~ */
	LOGLINE_REFUSED,	/* |> */
	LOGLINE_STATIC,		/* |> with an address */
	LOGLINE_FAILED,		/* !>, <! */
	LOGLINE_AUDITED,	/* ?> */
	LOGLINE_KINDS
};

/* What a line may say; in the order in which JSON has it. */
enum logline_field {
	FIELD_TIME, FIELD_EVENT, FIELD_CLIENT, FIELD_ID, FIELD_NAME,
	FIELD_TYPE, FIELD_FILE, FIELD_LINE, FIELD_UPSTREAM, FIELD_RCODE,
	FIELD_LATENCY, FIELD_ADDRESS, FIELD_PROTOCOL, FIELD_PORT, FIELD_TTL,
	FIELD_TEXT, LOGLINE_FIELDS
};

struct logline {
	enum logline_kind kind;
	bool		json;		/* the form that it has */
	const char	*arrow;
	struct addr	client;
	const char	*fields[LOGLINE_FIELDS]; /* NULL: not said */
	char		text[LOGLINE_MAX + 1];	/* where they are */
};

/*
 * Read a line of len octets, at most LOGLINE_MAX, without its end.  If it is of
 * kind LOGLINE_OTHER, nothing else of *out means anything; else all fields are
 * printable ASCII, and client is that of FIELD_CLIENT.
 */
void	logline_parse(const char *line, size_t len, struct logline *out);

/* The field, or "" if the line does not say it. */
const char *logline_field(const struct logline *, enum logline_field);

/* Its name in JSON; *number: its value is a number there. */
const char *logline_key(enum logline_field, bool *number);

#endif
