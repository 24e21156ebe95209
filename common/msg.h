/*
 * The messages between the keeper and its children: the whole contract.
 *
 * One message is one SOCK_SEQPACKET record of exactly the size of its struct;
 * but GRANT, RESULT, OWN, CHECK, CHECKED, REFUSAL, HITS, SEEN, HOST, KNOWN and
 * NEIGHBOUR, of which there are many, come one or more to a record, at most
 * MSG_BATCH_MAX (of some fewer), each decoded for itself: one record wakes its
 * reader once.
 * Integers have fixed width and host byte order (both ends are one machine).
 * There are no pointers, no lengths that the receiver would have to trust, no
 * bit fields; padding is named and must be zero.  Each message has one decode
 * function: it copies first, then checks every field of the copy, and returns
 * an enumerated reason.  Both sides use it, and it is fuzzed.  Pure.
 *
 * Those about the files that a list includes are in includemsg.h, those about which
 * addresses are one client in hostmsg.h.
 *
 * What a record may not be (empty, of an unknown type, truncated, with a
 * descriptor where none belongs) ends the program that received it.
 */
#ifndef COMMON_MSG_H
#define COMMON_MSG_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"
#include "histogram.h"

#define MSG_VERSION	10	/* of this contract; sent in READY */
#define MSG_BATCH_MAX	64	/* of one type in a record */
#define MSG_LABEL_SIZE	128	/* bytes; nftables takes 127 and a NUL */
/*
 * A worker asks for so many grants a second, and at once, and no more: see
 * tokens.c for what becomes of one that does.
 */
#define MSG_GRANTS_RATE	20000U
#define MSG_GRANTS_BURST 65536U
#define MSG_TTL_MAX	0x7fffffffU	/* seconds, RFC 2181 section 8 */

#define MSG_UPSTREAMS_MAX 8
#define MSG_BINDS_MAX	32
#define MSG_NETS_MAX	64
#define MSG_WORKERS_MAX	32
#define MSG_OWN_MAX	4096	/* addresses that a set of OWN has */
#define MSG_CLIENT_RATE_MAX 1000000U	/* messages a second */

/* Requests of a child are even, messages of the keeper odd; 0 is never valid. */
enum msg_type {
	MSG_CONFIG = 1,		/* keeper -> worker: its options */
	MSG_READY = 2,		/* child -> keeper: confinement is complete */
	MSG_POLICY = 3,		/* keeper -> worker: the ACL image (descriptor) */
	MSG_GRANT = 4,		/* worker -> keeper: open the way */
	MSG_RESULT = 5,		/* keeper -> worker: what became of a GRANT */
	MSG_REFUSAL = 6,	/* worker -> keeper: a client did not get it */
	MSG_STOP = 7,		/* keeper -> child: end with exit status 0 */
	MSG_SEALED = 8,		/* compiler -> keeper: the image (descriptor) */
	MSG_FORGET = 9,		/* keeper -> worker: know no grant any more */
	MSG_REJECTED = 10,	/* compiler -> keeper: the ACL's text is bad */
	MSG_RELOAD = 11,	/* keeper -> compiler: the ACL's text (descriptor) */
	MSG_CHECKED = 12,	/* compiler -> keeper: the answer to a CHECK */
	MSG_CHECK = 13,		/* keeper -> compiler: is it still allowed? */
	MSG_HITS = 14,		/* worker -> keeper: how often rules matched */
	MSG_STATS = 15,		/* keeper -> child: write a summary to the log */
	MSG_OWN = 17,		/* keeper -> worker: an address of this host */
	MSG_COUNTERS = 18,	/* worker -> keeper: what it has counted */
	MSG_SEEN = 20,		/* worker -> keeper: a client got an answer */
	MSG_INCLUDED = 23,	/* keeper -> compiler: what became of an INCLUDE */
	MSG_INCLUDE = 24,	/* compiler -> keeper: a file of the list, please */
	MSG_HOST = 26,		/* compiler -> keeper: who is one client */
	MSG_KNOWN = 27,		/* keeper -> worker: a host has that address */
	MSG_ASKED = 28,		/* worker -> keeper: the same of who has asked */
	MSG_NEIGHBOUR = 29,	/* keeper -> worker: a machine has that address */
	MSG_PONG = 30,		/* child -> keeper: the answer to a PING */
	MSG_PING = 31		/* keeper -> child: say so, if you still live (O3) */
};

enum msg_err {
	MSG_OK = 0,
	MSG_ESIZE,		/* not exactly the size of its struct */
	MSG_ETYPE,		/* unknown, or not one that this side may get */
	MSG_EPAD,		/* reserved bits are set */
	MSG_EFAMILY,		/* neither 4 nor 6, or the two disagree */
	MSG_EADDR,		/* bytes behind an IPv4 address, bad prefix */
	MSG_EPROTO,		/* neither TCP nor UDP */
	MSG_EPORT,		/* 0 */
	MSG_ETTL,		/* above MSG_TTL_MAX */
	MSG_ELABEL,		/* a byte outside [a-z0-9._*-], or no NUL */
	MSG_ETEXT,		/* not printable ASCII, or no NUL */
	MSG_EVALUE,		/* another field is out of its range */
	MSG_EVERSION,		/* the two programs are not of one build */
	MSG_ERR_COUNT
};

/* A short text for the log; valid for every enum msg_err. */
const char *msg_strerror(enum msg_err);

/* First message of every child. */
struct msg_ready {
	uint8_t		type;
	uint8_t		pad[3];
	uint32_t	version;	/* MSG_VERSION */
};

/*
 * "Let client open proto:port to dst for the lifetime of a record with this
 * TTL."  The keeper applies its own limits to ttl (G3).
 * local 1: the client is this host; client is then all zero (G5).
 */
struct msg_grant {
	uint8_t		type;
	uint8_t		family;		/* ADDR_V4 or ADDR_V6: of both */
	uint8_t		proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t		local;		/* 0 or 1 */
	uint32_t	seq;		/* chosen by the worker, echoed */
	uint32_t	ttl;		/* seconds, 0..MSG_TTL_MAX */
	uint16_t	port;		/* destination port, host order, not 0 */
	uint16_t	policy;		/* generation by which was decided */
	uint8_t		client[16];	/* IPv4 in the first 4, rest zero */
	uint8_t		dst[16];
	char		label[MSG_LABEL_SIZE];	/* the name, NUL-padded */
};
static_assert(sizeof(struct msg_grant) == 176, "msg_grant size");
static_assert(offsetof(struct msg_grant, client) == 16, "msg_grant hole");

enum msg_result_code {
	RESULT_OK = 0,		/* the kernel has it */
	RESULT_FORBIDDEN,	/* never granted: see SPEC G8 */
	RESULT_OUTSIDE,		/* outside of what the policy can grant (P7) */
	RESULT_FULL,		/* --max-grants, or the set, is full (G11) */
	RESULT_FAILED,		/* the kernel refused */
	RESULT_STALE,		/* decided by another policy than today's */
	RESULT_COUNT
};

const char *msg_result_text(enum msg_result_code);

struct msg_result {
	uint8_t		type;
	uint8_t		code;		/* enum msg_result_code */
	uint16_t	pad;
	uint32_t	seq;
	uint64_t	expiry;		/* CLOCK_BOOTTIME ns; 0 unless OK */
};
static_assert(sizeof(struct msg_result) == 16, "msg_result size");

/* The image is in the attached memfd: sealed against write, shrink, grow. */
struct msg_sealed {
	uint8_t		type;
	uint8_t		pad[3];
	uint32_t	rules;		/* for the log */
	uint64_t	size;		/* bytes; at most IMAGE_SIZE_MAX */
	uint32_t	sum;		/* acl_compiled's, of the text */
	uint8_t		pad2[4];
};
static_assert(sizeof(struct msg_sealed) == 24, "msg_sealed size");

#define MSG_HOSTS_MAX	16384	/* addresses of all hosts */
#define MSG_HOST_NET	64	/* bits of a network that is one of these */

/*
 * An address, or an IPv6 network, of a host of the list (U11): who asks from one
 * of these is granted for all, whichever worker has asked.  They come before
 * SEALED and hold from then on, at most MSG_HOSTS_MAX, in strictly ascending order
 * of memcmp() from family to prefix; their numbers are from 0.
 */
struct msg_host {
	uint8_t		type;
	uint8_t		family;
	uint8_t		base[16];	/* masked; IPv4 in the first 4, rest zero */
	uint8_t		prefix;		/* 32, MSG_HOST_NET or 128 */
	uint8_t		pad;
	uint32_t	host;		/* the number of its first one */
};
static_assert(sizeof(struct msg_host) == 24, "msg_host size");

#define MSG_FAMILY_V4	0x01	/* bits of msg_policy.families: those whose */
#define MSG_FAMILY_V6	0x02	/* chain exists; others get no grants */

/*
 * The policy from now on.  The first one comes after READY, further ones after
 * each reload (A9), with another generation.
 */
struct msg_policy {
	uint8_t		type;
	uint8_t		families;
	uint16_t	generation;
	uint8_t		pad[4];
	uint64_t	size;		/* of the attached image, bytes */
};
static_assert(sizeof(struct msg_policy) == 16, "msg_policy size");

/*
 * An address of this host and its network, for the worker to take them out of
 * answers (G8); what a worker makes of it is of no account for what is granted.
 * They come as a set: at most MSG_OWN_MAX, in any order, and then one of family
 * 0, all zero but the type.  With that the set is complete and replaces the
 * one before.  The first set comes before POLICY.
 */
struct msg_own {
	uint8_t		type;
	uint8_t		family;		/* of all three; 0: the end */
	uint8_t		prefix;		/* 0-32 or 0-128 */
	uint8_t		local[16];	/* IPv4 in the first 4, rest zero */
	uint8_t		network[16];	/* masked; of the peer, if it has one */
	uint8_t		broadcast[16];	/* as it was set; none: local */
};
static_assert(sizeof(struct msg_own) == 51, "msg_own size");

/*
 * Messages that say no more than their type: STOP, STATS, RELOAD (with the
 * ACL's text, read-only, as the descriptor), REJECTED (the errors have been
 * logged) and FORGET.  After the latter a worker asks for every grant that an
 * answer needs: what it knew may be gone from the kernel.
 */
struct msg_plain {
	uint8_t		type;
	uint8_t		pad[3];
};

/*
 * Would the policy that the compiler sealed last give this grant to the client
 * for the name in the label (A9)?  local 1: to a loopback client.
 */
struct msg_check {
	uint8_t		type;
	uint8_t		family;
	uint8_t		proto;
	uint8_t		local;
	uint32_t	seq;		/* echoed */
	uint16_t	port;
	uint16_t	pad;
	uint8_t		client[16];
	char		label[MSG_LABEL_SIZE];
};
static_assert(sizeof(struct msg_check) == 156, "msg_check size");

struct msg_checked {
	uint8_t		type;
	uint8_t		keep;		/* 0 or 1 */
	uint16_t	pad;
	uint32_t	seq;
};
static_assert(sizeof(struct msg_checked) == 8, "msg_checked size");

/* Those of the access log: |>, !>, <! and ?>. */
enum msg_refusal_kind {
	REFUSAL_LIST = 0,	/* refused or answered here, as the list says */
	REFUSAL_QUERY,		/* it asked for what there is no answer to */
	REFUSAL_ANSWER,		/* there was no good answer */
	REFUSAL_AUDIT,		/* it would be refused, but for --audit */
	REFUSAL_KINDS
};

#define MSG_NAME_SIZE	128	/* with NUL; of a longer name the end is there, */
#define MSG_NAME_CUT	"..."	/* behind this, which no name begins with */
#define MSG_REASON_SIZE	64	/* with NUL */
#define MSG_REFUSALS_MAX 32	/* in a record */

/*
 * What a client was refused, or did not get, for dnsfwctl why (U5).  Nothing
 * depends on it.  Same ones are one, with a count.
 */
struct msg_refusal {
	uint8_t		type;
	uint8_t		kind;		/* enum msg_refusal_kind */
	uint8_t		family;
	uint8_t		pad;
	uint32_t	count;		/* not 0 */
	uint32_t	rule;		/* line of the list, or 0 */
	uint16_t	qtype;		/* 0 without a question */
	uint16_t	pad2;
	uint8_t		client[16];	/* IPv4 in the first 4, rest zero */
	char		name[MSG_NAME_SIZE];	/* empty without a question */
	char		reason[MSG_REASON_SIZE];	/* as the log says it */
};
static_assert(sizeof(struct msg_refusal) == 224, "msg_refusal size");

#define MSG_LINES_MAX	65536	/* of a list, that are counted */

/*
 * So many more queries were matched by the rules that are together with that of
 * the line: of one client and one name (U6).  Nothing depends on it.
 */
struct msg_hits {
	uint8_t		type;
	uint8_t		pad;
	uint16_t	policy;		/* generation that the line is of */
	uint32_t	line;		/* the first of these, to MSG_LINES_MAX */
	uint32_t	count;		/* not 0 */
};
static_assert(sizeof(struct msg_hits) == 12, "msg_hits size");

/* What a worker has counted since its start; each field is made of uint64_t. */
struct counters {
	uint64_t	queries;	/* messages of clients */
	uint64_t	refused;	/* by the ACL */
	uint64_t	bad;		/* FORMERR, or of a kind not allowed */
	uint64_t	exchanges;	/* questions that went upstream */
	uint64_t	shared;		/* queries that joined another's (D12) */
	uint64_t	junk;		/* what was no answer (D10, D11) */
	uint64_t	timeouts;
	uint64_t	grants;		/* asked of the keeper */
	uint64_t	known;		/* grants that cost nothing (G7) */
	uint64_t	overload;	/* turned away at a limit */
	uint64_t	untold;		/* refusals that the keeper did not hear of */
	uint64_t	outside;	/* queries, and connections, of clients that
					   are not served (--client-net) */
	uint64_t	audited;	/* --audit: would be refused by the ACL */
	uint64_t	limited;	/* --client-rate: dropped, delayed */
	struct histogram decision;	/* what the list says: one in many (U7) */
	struct histogram upstream;	/* from a question to its answer, or to
					   the end of its time */
};

/* For who looks (U6, U7).  Nothing depends on it. */
struct msg_counters {
	uint8_t		type;
	uint8_t		silent;		/* bit i: upstream i does not answer */
	uint8_t		pad[6];
	struct counters	counters;
};
static_assert(sizeof(struct msg_counters) ==
    120 + 2 * sizeof(struct histogram), "msg_counters size");
static_assert(MSG_UPSTREAMS_MAX <= 8, "a bit for each upstream");

#define MSG_SEEN_NAME	256	/* with NUL */
#define MSG_SEEN_ADDRESSES 16	/* that are told of */
#define MSG_SEEN_MAX	16	/* in a record */

/*
 * With --audit: what a client was answered, for dnsfwctl suggest (U8, U9).
 * Nothing depends on it.  It has a name that a list can have.
 */
struct msg_seen {
	uint8_t		type;
	uint8_t		family;
	uint8_t		naddresses;	/* to MSG_SEEN_ADDRESSES */
	uint8_t		other;		/* 1: not a question for addresses */
	uint8_t		client[16];	/* IPv4 in the first 4, rest zero */
	struct addr	addresses[MSG_SEEN_ADDRESSES];	/* the rest zero */
	char		name[MSG_SEEN_NAME];	/* NUL-padded, no final dot */
};
static_assert(sizeof(struct msg_seen) == 548, "msg_seen size");

enum msg_refuse { REFUSE_REFUSED = 0, REFUSE_NXDOMAIN, REFUSE_NODATA };
enum msg_logformat { LOGFORMAT_TEXT = 0, LOGFORMAT_JSON };
enum msg_loglevel { LOGLEVEL_ALL = 0, LOGLEVEL_REFUSED, LOGLEVEL_NONE };

struct msg_nets {
	uint8_t		n;
	struct addr_net	at[MSG_NETS_MAX];
};
static_assert(sizeof(struct msg_nets) == 1 + 18 * MSG_NETS_MAX,
    "msg_nets size");

struct msg_upstream {
	uint8_t		family;
	uint8_t		pad;
	uint16_t	port;		/* host order */
	uint32_t	scope;		/* interface of a link-local one, or 0 */
	uint8_t		addr[16];
};

/*
 * The worker's options.  The listening sockets are inherited: descriptor
 * MSG_FD_LISTEN + 2 * i is the UDP, + 2 * i + 1 the TCP socket of bind i.
 */
#define MSG_FD_CHANNEL	3
#define MSG_FD_LISTEN	4	/* worker */
#define MSG_FD_HELPER	4	/* compiler: order.h; not without a firewall */

struct msg_config {
	uint8_t		type;
	uint8_t		nbinds;		/* 1..MSG_BINDS_MAX */
	uint8_t		nupstreams;	/* 1..MSG_UPSTREAMS_MAX */
	uint8_t		refuse_with;	/* enum msg_refuse */
	uint8_t		log_format;	/* enum msg_logformat */
	uint8_t		firewall;	/* 0: none, no grants at all */
	uint8_t		randomize_case;	/* 0 or 1 */
	uint8_t		upstream_tcp;	/* 0 or 1: never UDP */
	uint8_t		family_filter;	/* 0 or 1: G5, addresses go */
	uint8_t		log_level;	/* enum msg_loglevel */
	uint8_t		block_aliases;	/* 0 or 1 */
	uint8_t		bypass_pass;	/* 0 or 1: D16, names are passed on */
	uint32_t	timeout;	/* seconds, not 0 */
	uint32_t	min_rule_time;	/* seconds, not 0 */
	uint32_t	max_rule_time;	/* seconds, not below the minimum */
	uint32_t	max_connections; /* not 0 */
	uint32_t	client_rate;	/* messages a second; 0: any */
	uint32_t	nworkers;	/* 1..MSG_WORKERS_MAX, of all */
	uint32_t	number;		/* of this one, below that */
	struct msg_upstream upstreams[MSG_UPSTREAMS_MAX];
	struct msg_nets	client_nets;	/* none: any client */
	struct msg_nets	deny_nets;	/* never granted (G8) */
	struct msg_nets	allow_nets;	/* exceptions */
	uint8_t		audit;		/* 0 or 1: nothing is refused (U8) */
};
static_assert(sizeof(struct msg_config) ==
    41 + 24 * MSG_UPSTREAMS_MAX + 3 * sizeof(struct msg_nets),
    "msg_config size");

/* Seconds of grace after a grant's lifetime at most (G3). */
#define GRANT_GRACE	15U

/*
 * The lifetime of a grant without its grace: ttl held between min and max,
 * all in seconds (G3).  Both sides use it: the keeper decides, the worker
 * knows what was decided.
 */
uint32_t msg_lifetime(uint32_t ttl, uint32_t min, uint32_t max);

/* The grace behind such a lifetime, which does not go past max. */
uint32_t msg_grace(uint32_t lifetime, uint32_t max);

/*
 * Decoders: copy the record of len bytes into *out and check it.  out is
 * meaningful only after MSG_OK.  Nothing outside buf[0..len) is read.
 */
enum msg_err	msg_ready_decode(const void *buf, size_t len,
		    struct msg_ready *out);
enum msg_err	msg_grant_decode(const void *buf, size_t len,
		    struct msg_grant *out);
enum msg_err	msg_result_decode(const void *buf, size_t len,
		    struct msg_result *out);
enum msg_err	msg_sealed_decode(const void *buf, size_t len,
		    struct msg_sealed *out);
enum msg_err	msg_host_decode(const void *buf, size_t len,
		    struct msg_host *out);
enum msg_err	msg_policy_decode(const void *buf, size_t len,
		    struct msg_policy *out);
enum msg_err	msg_own_decode(const void *buf, size_t len,
		    struct msg_own *out);
enum msg_err	msg_plain_decode(const void *buf, size_t len,
		    enum msg_type type, struct msg_plain *out);
enum msg_err	msg_check_decode(const void *buf, size_t len,
		    struct msg_check *out);
enum msg_err	msg_checked_decode(const void *buf, size_t len,
		    struct msg_checked *out);
enum msg_err	msg_refusal_decode(const void *buf, size_t len,
		    struct msg_refusal *out);
enum msg_err	msg_hits_decode(const void *buf, size_t len,
		    struct msg_hits *out);
enum msg_err	msg_counters_decode(const void *buf, size_t len,
		    struct msg_counters *out);
enum msg_err	msg_seen_decode(const void *buf, size_t len,
		    struct msg_seen *out);
enum msg_err	msg_config_decode(const void *buf, size_t len,
		    struct msg_config *out);

/* The largest record of any type; receive buffers have this size. */
#define MSG_SIZE_MAX	(MSG_BATCH_MAX * sizeof(struct msg_grant))
static_assert(sizeof(struct msg_config) <= MSG_SIZE_MAX, "MSG_SIZE_MAX");
static_assert(MSG_REFUSALS_MAX * sizeof(struct msg_refusal) <= MSG_SIZE_MAX,
    "MSG_SIZE_MAX");
static_assert(MSG_SEEN_MAX * sizeof(struct msg_seen) <= MSG_SIZE_MAX,
    "MSG_SIZE_MAX");

/* The largest image that is accepted: a million rules take 40 to 50 MB. */
#define IMAGE_SIZE_MAX	(1ULL << 31)

#endif
