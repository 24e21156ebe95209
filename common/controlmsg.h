/*
 * What dnsfwctl and the keeper say to each other over the control socket (U2):
 * the whole contract.  A record of the socket, which is SOCK_SEQPACKET, is one
 * question; or answers of one type, one or more, at most CONTROL_BATCH_MAX.  All
 * have fixed sizes, fixed-width integers in host order, and padding that is zero.
 * After each question come its answers, and then one END.
 */
#ifndef COMMON_CONTROLMSG_H
#define COMMON_CONTROLMSG_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

#define CONTROL_VERSION		4
#define CONTROL_BATCH_MAX	64
#define CONTROL_SCOPE_MAX	1800	/* with NUL */
#define CONTROL_HOST_MAX	64	/* with NUL */
#define CONTROL_SECONDS		5	/* without progress: it is dropped */

enum control_what {
	CONTROL_STATS = 1,	/* one STATUS */
	CONTROL_GRANTS,		/* each that is live: GRANTs */
	CONTROL_WHY,		/* what clients did not get: REFUSALs */
	CONTROL_RULES,		/* the rules that have matched: RULEs */
	CONTROL_RELOAD,		/* root: read the list anew, as SIGHUP does */
	CONTROL_REVOKE,		/* root: take out the client's grants */
	CONTROL_SEEN,		/* --audit: what clients were answered: SEENs */
	CONTROL_WHAT_END
};

struct control_ask {
	uint32_t	version;	/* CONTROL_VERSION */
	uint8_t		what;		/* enum control_what */
	uint8_t		family;		/* of client; 0: of all clients */
	uint8_t		pad[2];
	uint8_t		client[16];	/* IPv4 in the first 4, rest zero */
};
static_assert(sizeof(struct control_ask) == 24, "control_ask size");

/*
 * Copy the record of len bytes into *out and check each field.  False: it is no
 * question of this version, and out means nothing.  Pure.
 */
bool	control_ask_decode(const void *buf, size_t len, struct control_ask *out);

enum control_type { CONTROL_END = 1, CONTROL_GRANT, CONTROL_STATUS,
    CONTROL_REFUSAL, CONTROL_RULE, CONTROL_SEEN_NAME };

enum control_code {
	CONTROL_OK = 0,
	CONTROL_BAD,		/* no question of this version */
	CONTROL_DENIED,		/* only root may */
	CONTROL_REJECTED,	/* the list is bad: the old one stays */
	CONTROL_UNSURE,		/* some of it the kernel may still have */
	CONTROL_CHANGED,	/* the list, meanwhile */
	CONTROL_UNREADABLE,	/* the list cannot be opened: the old one stays */
	CONTROL_NO_AUDIT,	/* dnsfw runs without --audit */
	CONTROL_CODE_END
};

struct control_end {
	uint8_t		type;
	uint8_t		code;		/* enum control_code */
	uint8_t		lacking;	/* MSG_FAMILY_*: the firewall of these is
					   incomplete */
	uint8_t		pad;
	uint32_t	count;		/* grants or refusals told of, grants
					   revoked; rules of the list; names
					   that there was no room for (SEEN) */
	uint32_t	running;	/* seconds since the start, */
	uint32_t	counting;	/* and that hits of rules are counted */
};
static_assert(sizeof(struct control_end) == 16, "control_end size");

struct control_grant {
	uint8_t		type;
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t		local;		/* 1: the client is this host */
	uint32_t	left;		/* seconds */
	uint16_t	port;
	uint8_t		lacking;	/* 1: the firewall of its family is */
	uint8_t		pad[5];		/* incomplete: it may not be there */
	uint8_t		client[16];	/* zero if local */
	uint8_t		dst[16];
	char		label[MSG_LABEL_SIZE];	/* a name that gives it */
};
static_assert(sizeof(struct control_grant) == 176, "control_grant size");

/* Of one client: the one of last comes last.  Of all: in any order. */
struct control_refusal {
	uint8_t		type;
	uint8_t		kind;		/* enum msg_refusal_kind */
	uint16_t	qtype;		/* 0 without a question */
	uint32_t	first, last;	/* seconds ago */
	uint32_t	count;
	uint32_t	rule;		/* line of the list of then, or 0 */
	uint8_t		family;
	uint8_t		pad[3];
	uint64_t	id;		/* its own; it keeps it */
	uint8_t		client[16];	/* IPv4 in the first 4, rest zero */
	char		name[MSG_NAME_SIZE];
	char		reason[MSG_REASON_SIZE];
};
static_assert(sizeof(struct control_refusal) == 240, "control_refusal size");

/* As in msg_hits, since the list is in force. */
struct control_rule {
	uint8_t		type;
	uint8_t		pad[3];
	uint32_t	line;
	uint32_t	last;		/* seconds ago */
	uint32_t	sum;		/* msg_sealed's, of the list */
	uint64_t	hits;
};
static_assert(sizeof(struct control_rule) == 24, "control_rule size");

struct control_status {
	uint8_t		type;
	uint8_t		reloading;	/* 0 or 1 */
	uint8_t		families;	/* MSG_FAMILY_*: that can be granted, */
	uint8_t		ready;		/* and that are now */
	uint8_t		nupstreams;
	uint8_t		silent;		/* bit i: upstream i does not answer */
	uint8_t		audit;		/* 0 or 1 */
	uint8_t		pad[1];
	uint32_t	rules;
	uint32_t	generation;	/* lists taken since the start, from 0 */
	uint32_t	grants;		/* live */
	uint32_t	grants_max;
	uint32_t	own_addresses;
	uint32_t	sum;		/* of the list in force: msg_sealed's */
	uint64_t	transactions;	/* with the firewall */
	uint64_t	repairs;
	uint64_t	revoked;
	uint64_t	taken_over;
	uint64_t	held;		/* for living connections */
	uint64_t	results[RESULT_COUNT];	/* of requests for grants */
	struct counters	counters;	/* of all workers, up to a second ago */
	struct histogram kernel;	/* transactions, to the kernel's answer */
	char		upstreams[MSG_UPSTREAMS_MAX][CONTROL_HOST_MAX];
	char		scope[CONTROL_SCOPE_MAX]; /* as the status line has it */
};
static_assert(sizeof(struct control_status) == 72 + 8 * RESULT_COUNT +
    sizeof(struct counters) + sizeof(struct histogram) + MSG_UPSTREAMS_MAX * CONTROL_HOST_MAX +
    CONTROL_SCOPE_MAX,
    "control_status has no holes");

#define CONTROL_PORTS	16	/* that are kept of a name */

struct control_port {
	uint8_t		proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t		pad;
	uint16_t	port;		/* host order */
};

/* A name that a client was answered (U9), and where it connected to then. */
struct control_seen {
	uint8_t		type;
	uint8_t		family;		/* of client */
	uint8_t		nports;
	uint8_t		more;		/* 1: ports that there was no room for */
	uint8_t		addresses;	/* 1: it was told some */
	uint8_t		other;		/* 1: it asked for other types, too */
	uint8_t		pad[2];
	uint32_t	first, last;	/* seconds ago */
	uint32_t	count;		/* answers */
	uint8_t		client[16];
	struct control_port ports[CONTROL_PORTS];
	char		name[MSG_SEEN_NAME];
};
static_assert(sizeof(struct control_seen) == 36 + 4 * CONTROL_PORTS +
    MSG_SEEN_NAME, "control_seen size");

#endif
