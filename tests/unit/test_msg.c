/*
 * The decoders: each field at its limits, each bit flipped, each size.  The
 * reasons are exact.
 */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "hostmsg.h"
#include "msg.h"

/* Room for any record twice. */
static uint8_t record[2 * MSG_SIZE_MAX];

static const struct msg_ready good_ready = {
	.type = MSG_READY, .version = MSG_VERSION
};

static const struct msg_grant good_grant = {
	.type = MSG_GRANT, .family = ADDR_V4, .proto = IPPROTO_TCP,
	.seq = 0xfedcba98, .ttl = 300, .port = 443,
	.client = { 192, 0, 2, 1 }, .dst = { 198, 51, 100, 7 },
	.label = "www.example.com"
};

static const struct msg_result good_result = {
	.type = MSG_RESULT, .code = RESULT_OK, .seq = 0xfedcba98,
	.expiry = 0x123456789a
};

static const struct msg_sealed good_sealed = {
	.type = MSG_SEALED, .rules = 7, .size = 0x12345
};

static const struct msg_policy good_policy = {
	.type = MSG_POLICY, .families = MSG_FAMILY_V4 | MSG_FAMILY_V6,
	.size = 0x12345
};

static const struct msg_own good_own = {
	.type = MSG_OWN, .family = ADDR_V4, .prefix = 24,
	.local = { 192, 0, 2, 1 }, .network = { 192, 0, 2 },
	.broadcast = { 192, 0, 2, 255 }
};

static const struct msg_plain good_stop = { .type = MSG_STOP };
static const struct msg_plain good_forget = { .type = MSG_FORGET };
static const struct msg_plain good_reload = { .type = MSG_RELOAD };
static const struct msg_plain good_rejected = { .type = MSG_REJECTED };
static const struct msg_plain good_stats = { .type = MSG_STATS };

static const struct msg_check good_check = {
	.type = MSG_CHECK, .family = ADDR_V4, .proto = IPPROTO_TCP,
	.seq = 0xfedcba98, .port = 443, .client = { 192, 0, 2, 1 },
	.label = "www.example.com"
};

static const struct msg_checked good_checked = {
	.type = MSG_CHECKED, .keep = 1, .seq = 0xfedcba98
};

static const struct msg_counters good_counters = {
	.type = MSG_COUNTERS, .silent = 1,
	.counters = { .queries = 7, .untold = UINT64_MAX }
};
static const struct msg_refusal good_refusal = {
	.type = MSG_REFUSAL, .kind = REFUSAL_ANSWER, .family = ADDR_V4,
	.count = 0x10001, .rule = 7, .qtype = 1, .client = { 192, 0, 2, 1 },
	.name = "www.example.com.", .reason = "upstream error SERVFAIL"
};

static const struct msg_hits good_hits = {
	.type = MSG_HITS, .policy = 0x1234, .line = 0x101, .count = 0x10001
};

static const struct msg_seen good_seen = {
	.type = MSG_SEEN, .family = ADDR_V4, .naddresses = 2,
	.client = { 192, 0, 2, 7 }, .name = "www.example.com",
	.addresses = { { ADDR_V4, { 192, 0, 2, 1 } },
	    { ADDR_V6, { 0x20, 1, [15] = 1 } } }
};

static const struct msg_host good_host = {
	.type = MSG_HOST, .family = ADDR_V6, .base = { 0x20, 1, [7] = 1 },
	.prefix = MSG_HOST_NET, .host = 0x101
};

static const struct msg_known good_known = { .type = MSG_KNOWN,
    .client = { 0xfd, [15] = 1 } };
static const struct msg_known good_asked = { .type = MSG_ASKED,
    .client = { 0xfd, [15] = 1 } };

static const struct msg_neighbour good_neighbour = {
	.type = MSG_NEIGHBOUR, .family = ADDR_V4, .machine = 0x101,
	.client = { 192, 0, 2, 7 } };

static const struct msg_config good_config = {
	.type = MSG_CONFIG, .nbinds = 2, .nupstreams = 1,
	.refuse_with = REFUSE_NXDOMAIN,
	.log_format = LOGFORMAT_JSON, .firewall = 1, .timeout = 10,
	.min_rule_time = 5, .max_rule_time = 600, .max_connections = 10000,
	.nworkers = 2, .number = 1,
	.upstreams = { { ADDR_V4, 0, 53, 0, { 192, 0, 2, 53 } } },
	.client_nets = { 1, { { { ADDR_V4, { 192, 0, 2 } }, 24 } } }
};

typedef enum msg_err decode_fn(const void *buf, size_t len, void *out);

/* One function type for all: what is decoded is copied to out. */
static enum msg_err
decode_ready(const void *buf, size_t len, void *out)
{
	return (msg_ready_decode(buf, len, out));
}

static enum msg_err
decode_grant(const void *buf, size_t len, void *out)
{
	return (msg_grant_decode(buf, len, out));
}

static enum msg_err
decode_result(const void *buf, size_t len, void *out)
{
	return (msg_result_decode(buf, len, out));
}

static enum msg_err
decode_sealed(const void *buf, size_t len, void *out)
{
	return (msg_sealed_decode(buf, len, out));
}

static enum msg_err
decode_policy(const void *buf, size_t len, void *out)
{
	return (msg_policy_decode(buf, len, out));
}

static enum msg_err
decode_own(const void *buf, size_t len, void *out)
{
	return (msg_own_decode(buf, len, out));
}

static enum msg_err
decode_stop(const void *buf, size_t len, void *out)
{
	return (msg_plain_decode(buf, len, MSG_STOP, out));
}

static enum msg_err
decode_forget(const void *buf, size_t len, void *out)
{
	return (msg_plain_decode(buf, len, MSG_FORGET, out));
}

static enum msg_err
decode_reload(const void *buf, size_t len, void *out)
{
	return (msg_plain_decode(buf, len, MSG_RELOAD, out));
}

static enum msg_err
decode_rejected(const void *buf, size_t len, void *out)
{
	return (msg_plain_decode(buf, len, MSG_REJECTED, out));
}

static enum msg_err
decode_stats(const void *buf, size_t len, void *out)
{
	return (msg_plain_decode(buf, len, MSG_STATS, out));
}

static enum msg_err
decode_check(const void *buf, size_t len, void *out)
{
	return (msg_check_decode(buf, len, out));
}

static enum msg_err
decode_checked(const void *buf, size_t len, void *out)
{
	return (msg_checked_decode(buf, len, out));
}

static enum msg_err
decode_counters(const void *buf, size_t len, void *out)
{
	return (msg_counters_decode(buf, len, out));
}

static enum msg_err
decode_seen(const void *buf, size_t len, void *out)
{
	return (msg_seen_decode(buf, len, out));
}

static enum msg_err
decode_refusal(const void *buf, size_t len, void *out)
{
	return (msg_refusal_decode(buf, len, out));
}

static enum msg_err
decode_hits(const void *buf, size_t len, void *out)
{
	return (msg_hits_decode(buf, len, out));
}

static enum msg_err
decode_host(const void *buf, size_t len, void *out)
{
	return (msg_host_decode(buf, len, out));
}

static enum msg_err
decode_known(const void *buf, size_t len, void *out)
{
	return (msg_known_decode(buf, len, MSG_KNOWN, out));
}

static enum msg_err
decode_asked(const void *buf, size_t len, void *out)
{
	return (msg_known_decode(buf, len, MSG_ASKED, out));
}

static enum msg_err
decode_neighbour(const void *buf, size_t len, void *out)
{
	return (msg_neighbour_decode(buf, len, out));
}

static enum msg_err
decode_config(const void *buf, size_t len, void *out)
{
	return (msg_config_decode(buf, len, out));
}

static const struct kind {
	const char	*name;
	decode_fn	*decode;
	const void	*good;
	size_t		 size;
} kinds[] = {
	{ "READY", decode_ready, &good_ready, sizeof(good_ready) },
	{ "GRANT", decode_grant, &good_grant, sizeof(good_grant) },
	{ "RESULT", decode_result, &good_result, sizeof(good_result) },
	{ "SEALED", decode_sealed, &good_sealed, sizeof(good_sealed) },
	{ "POLICY", decode_policy, &good_policy, sizeof(good_policy) },
	{ "OWN", decode_own, &good_own, sizeof(good_own) },
	{ "STOP", decode_stop, &good_stop, sizeof(good_stop) },
	{ "FORGET", decode_forget, &good_forget, sizeof(good_forget) },
	{ "RELOAD", decode_reload, &good_reload, sizeof(good_reload) },
	{ "REJECTED", decode_rejected, &good_rejected,
	    sizeof(good_rejected) },
	{ "STATS", decode_stats, &good_stats, sizeof(good_stats) },
	{ "CHECK", decode_check, &good_check, sizeof(good_check) },
	{ "CHECKED", decode_checked, &good_checked, sizeof(good_checked) },
	{ "REFUSAL", decode_refusal, &good_refusal, sizeof(good_refusal) },
	{ "HITS", decode_hits, &good_hits, sizeof(good_hits) },
	{ "COUNTERS", decode_counters, &good_counters, sizeof(good_counters) },
	{ "SEEN", decode_seen, &good_seen, sizeof(good_seen) },
	{ "KNOWN", decode_known, &good_known, sizeof(good_known) },
	{ "ASKED", decode_asked, &good_asked, sizeof(good_asked) },
	{ "NEIGHBOUR", decode_neighbour, &good_neighbour,
	    sizeof(good_neighbour) },
	{ "CONFIG", decode_config, &good_config, sizeof(good_config) },
	{ "HOST", decode_host, &good_host, sizeof(good_host) },
};
#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))

enum { READY, GRANT, RESULT, SEALED, POLICY, OWN, STOP, FORGET, RELOAD,
    REJECTED, STATS, CHECK, CHECKED, REFUSAL, HITS, COUNTERS, SEEN,
    KNOWN, ASKED, NEIGHBOUR, CONFIG, HOST };

/*
 * Decode a copy of exactly len bytes, for AddressSanitizer.  What was taken
 * must be what was sent.
 */
static enum msg_err
decode(unsigned int kind, const void *bytes, size_t len)
{
	static uint64_t out[MSG_SIZE_MAX / 8 + 1];
	void *copy = malloc(len);
	enum msg_err err;

	cr_assert(len == 0 || copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	err = kinds[kind].decode(copy, len, out);
	cr_assert(err != MSG_OK || memcmp(out, copy, len) == 0, "%s",
	    kinds[kind].name);
	free(copy);
	return (err);
}

static enum msg_err
decode_whole(unsigned int kind, const void *message)
{
	return (decode(kind, message, kinds[kind].size));
}

Test(msg, P7_only_the_exact_size)
{
	unsigned int kind;
	size_t len;

	for (kind = 0; kind < NKINDS; kind++) {
		memset(record, 0, sizeof(record));
		memcpy(record, kinds[kind].good, kinds[kind].size);
		for (len = 0; len <= 2 * kinds[kind].size; len++)
			cr_assert_eq(decode(kind, record, len),
			    len == kinds[kind].size ? MSG_OK : MSG_ESIZE,
			    "%s with %zu bytes", kinds[kind].name, len);
	}
}

Test(msg, P7_only_its_own_type)
{
	unsigned int kind, type;

	for (kind = 0; kind < NKINDS; kind++) {
		memcpy(record, kinds[kind].good, kinds[kind].size);
		for (type = 0; type < 256; type++) {
			record[0] = (uint8_t)type;
			cr_assert_eq(decode_whole(kind, record), type ==
			    *(const uint8_t *)kinds[kind].good ? MSG_OK :
			    MSG_ETYPE, "%s with type %u", kinds[kind].name,
			    type);
		}
	}
}

/* Both sides use the sizes: a change is a new version of the contract. */
Test(msg, sizes_of_the_contract)
{
	static const size_t sizes[NKINDS] = { 8, 176, 16, 24, 16, 51, 4,
	    4, 4, 4, 4, 156, 8, 224, 12, 120 + 2 * 128, 548, 20, 20, 24,
	    44 + 24 * 8 + 3 * 18 * 64, 24 };
	unsigned int kind;

	for (kind = 0; kind < NKINDS; kind++) {
		cr_assert_eq(kinds[kind].size, sizes[kind], "%s",
		    kinds[kind].name);
		cr_assert_leq(kinds[kind].size, MSG_SIZE_MAX);
	}
}

/* The bits that must not be flipped; all others may be. */
struct guarded {
	size_t		from, len;	/* bytes */
	uint8_t		bits;
	enum msg_err	err;
};

#define FIELD(type, field)	offsetof(struct type, field), \
				sizeof(((struct type *)0)->field)

static const struct guarded ready_bits[] = {
	{ FIELD(msg_ready, pad), 0xff, MSG_EPAD },
	{ FIELD(msg_ready, version), 0xff, MSG_EVERSION },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded grant_bits[] = {
	/* 4 and 6 differ in bit 1; both are families. */
	{ FIELD(msg_grant, family), 0xfd, MSG_EFAMILY },
	{ FIELD(msg_grant, proto), 0xff, MSG_EPROTO },
	{ FIELD(msg_grant, local), 0xfe, MSG_EVALUE },
	/* Local, but with a client. */
	{ FIELD(msg_grant, local), 0x01, MSG_EADDR },
	{ offsetof(struct msg_grant, ttl) + 3, 1, 0x80, MSG_ETTL },
	{ offsetof(struct msg_grant, client) + 4, 12, 0xff, MSG_EADDR },
	{ offsetof(struct msg_grant, dst) + 4, 12, 0xff, MSG_EADDR },
	{ offsetof(struct msg_grant, label) + sizeof("www.example.com") - 1,
	    MSG_LABEL_SIZE - sizeof("www.example.com") + 1, 0xff, MSG_ELABEL },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded result_bits[] = {
	/* Not OK any more, but with an expiry, or unknown. */
	{ FIELD(msg_result, code), 0xff, MSG_EVALUE },
	{ FIELD(msg_result, pad), 0xff, MSG_EPAD },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded sealed_bits[] = {
	{ FIELD(msg_sealed, pad), 0xff, MSG_EPAD },
	{ FIELD(msg_sealed, pad2), 0xff, MSG_EPAD },
	/* At least 2^31 more than there is. */
	{ offsetof(struct msg_sealed, size) + 3, 1, 0x80, MSG_EVALUE },
	{ offsetof(struct msg_sealed, size) + 4, 4, 0xff, MSG_EVALUE },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded policy_bits[] = {
	{ FIELD(msg_policy, families), 0xfc, MSG_EPAD },
	{ FIELD(msg_policy, pad), 0xff, MSG_EPAD },
	{ offsetof(struct msg_policy, size) + 3, 1, 0x80, MSG_EVALUE },
	{ offsetof(struct msg_policy, size) + 4, 4, 0xff, MSG_EVALUE },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded own_bits[] = {
	{ FIELD(msg_own, family), 0xfd, MSG_EFAMILY },
	/* More than 32; or 16 and 8, behind which the network has a bit. */
	{ FIELD(msg_own, prefix), 0xf8, MSG_EADDR },
	{ offsetof(struct msg_own, local) + 4, 12, 0xff, MSG_EADDR },
	{ offsetof(struct msg_own, network) + 3, 13, 0xff, MSG_EADDR },
	{ offsetof(struct msg_own, broadcast) + 4, 12, 0xff, MSG_EADDR },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded check_bits[] = {
	{ FIELD(msg_check, family), 0xfd, MSG_EFAMILY },
	{ FIELD(msg_check, proto), 0xff, MSG_EPROTO },
	{ FIELD(msg_check, local), 0xfe, MSG_EVALUE },
	{ FIELD(msg_check, local), 0x01, MSG_EADDR },
	{ FIELD(msg_check, pad), 0xff, MSG_EPAD },
	{ offsetof(struct msg_check, client) + 4, 12, 0xff, MSG_EADDR },
	{ offsetof(struct msg_check, label) + sizeof("www.example.com") - 1,
	    MSG_LABEL_SIZE - sizeof("www.example.com") + 1, 0xff, MSG_ELABEL },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded checked_bits[] = {
	{ FIELD(msg_checked, keep), 0xfe, MSG_EVALUE },
	{ FIELD(msg_checked, pad), 0xff, MSG_EPAD },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded counters_bits[] = {
	{ FIELD(msg_counters, pad), 0xff, MSG_EPAD },
	{ 0, 0, 0, MSG_OK }
};
static const struct guarded refusal_bits[] = {
	{ FIELD(msg_refusal, kind), 0xfc, MSG_EVALUE },
	{ FIELD(msg_refusal, family), 0xfd, MSG_EFAMILY },
	{ FIELD(msg_refusal, pad), 0xff, MSG_EPAD },
	{ FIELD(msg_refusal, pad2), 0xff, MSG_EPAD },
	{ offsetof(struct msg_refusal, client) + 4, 12, 0xff, MSG_EADDR },
	{ offsetof(struct msg_refusal, name) + sizeof("www.example.com.") - 1,
	    MSG_NAME_SIZE - sizeof("www.example.com.") + 1, 0xff, MSG_ETEXT },
	{ offsetof(struct msg_refusal, reason) +
	    sizeof("upstream error SERVFAIL") - 1, MSG_REASON_SIZE -
	    sizeof("upstream error SERVFAIL") + 1, 0xff, MSG_ETEXT },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded seen_bits[] = {
	{ FIELD(msg_seen, family), 0xfd, MSG_EFAMILY },
	/* One less leaves an address behind the last one; 6 are more of none. */
	{ FIELD(msg_seen, naddresses), 0x02, MSG_EPAD },
	{ FIELD(msg_seen, naddresses), 0x0d, MSG_EFAMILY },
	{ FIELD(msg_seen, naddresses), 0xf0, MSG_EVALUE },
	{ FIELD(msg_seen, other), 0xfe, MSG_EVALUE },
	{ offsetof(struct msg_seen, client) + 4, 12, 0xff, MSG_EADDR },
	{ offsetof(struct msg_seen, addresses), 1, 0xfd, MSG_EFAMILY },
	{ offsetof(struct msg_seen, addresses) + 5, 12, 0xff, MSG_EADDR },
	{ offsetof(struct msg_seen, addresses) + 17, 1, 0x02, MSG_EADDR },
	{ offsetof(struct msg_seen, addresses) + 17, 1, 0xfd, MSG_EFAMILY },
	{ offsetof(struct msg_seen, addresses) + 34,
	    (MSG_SEEN_ADDRESSES - 2) * sizeof(struct addr), 0xff, MSG_EPAD },
	{ offsetof(struct msg_seen, name) + sizeof("www.example.com") - 1,
	    MSG_SEEN_NAME - sizeof("www.example.com") + 1, 0xff, MSG_ELABEL },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded hits_bits[] = {
	{ FIELD(msg_hits, pad), 0xff, MSG_EPAD },
	/* Above the last one that is counted. */
	{ offsetof(struct msg_hits, line) + 2, 2, 0xff, MSG_EVALUE },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded plain_bits[] = {
	{ FIELD(msg_plain, pad), 0xff, MSG_EPAD },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded known_bits[] = {
	{ FIELD(msg_known, pad), 0xff, MSG_EPAD },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded neighbour_bits[] = {
	{ FIELD(msg_neighbour, family), 0xfd, MSG_EFAMILY },
	{ FIELD(msg_neighbour, pad), 0xff, MSG_EPAD },
	{ offsetof(struct msg_neighbour, client) + 4, 12, 0xff, MSG_EADDR },
	{ 0, 0, 0, MSG_OK }
};

static const struct guarded *const bits_of[NKINDS] = {
	ready_bits, grant_bits, result_bits, sealed_bits,
	policy_bits, own_bits, plain_bits, plain_bits, plain_bits, plain_bits,
	plain_bits, check_bits, checked_bits, refusal_bits, hits_bits, counters_bits,
	seen_bits, known_bits, known_bits, neighbour_bits
};

static bool
is_label_byte(uint8_t c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    (c != 0 && strchr("._*-", c) != NULL));
}

/*
 * Is it a byte of one of the texts of the refusal, or the one behind?  least: the
 * smallest there.
 */
static bool
is_refusal_text(size_t at, uint8_t *least)
{
	const size_t name = offsetof(struct msg_refusal, name),
	    reason = offsetof(struct msg_refusal, reason);

	*least = at < reason ? '!' : ' ';
	return ((at >= name && at - name <= strlen(good_refusal.name)) ||
	    (at >= reason && at - reason <= strlen(good_refusal.reason)));
}

/* What a record must be decoded to whose byte at has the bit flipped. */
static enum msg_err
expected(unsigned int kind, size_t at, uint8_t flipped)
{
	const struct guarded *g;
	uint8_t least;
	size_t label = kind == GRANT ? offsetof(struct msg_grant, label) :
	    offsetof(struct msg_check, label);

	if (at == 0)
		return (MSG_ETYPE);
	if ((kind == GRANT || kind == CHECK) && at >= label &&
	    at - label < strlen(good_grant.label))
		return (is_label_byte(record[at]) ? MSG_OK : MSG_ELABEL);
	if (kind == SEEN && at >= offsetof(struct msg_seen, name) &&
	    at - offsetof(struct msg_seen, name) < strlen(good_seen.name))
		return (is_label_byte(record[at]) && record[at] != '*' ?
		    MSG_OK : MSG_ELABEL);
	if (kind == REFUSAL && is_refusal_text(at, &least))
		return (record[at] >= least && record[at] <= '~' ? MSG_OK :
		    MSG_ETEXT);
	for (g = bits_of[kind]; g->len != 0; g++) {
		if (at >= g->from && at - g->from < g->len &&
		    (flipped & g->bits) != 0)
			return (g->err);
	}
	return (MSG_OK);
}

Test(msg, P7_every_bit_flipped)
{
	unsigned int kind, n;
	size_t at;

	for (kind = 0; kind < CONFIG; kind++)
		for (at = 0; at < kinds[kind].size; at++)
			for (n = 0; n < 8; n++) {
				memcpy(record, kinds[kind].good,
				    kinds[kind].size);
				record[at] ^= (uint8_t)(1U << n);
				cr_assert_eq(decode_whole(kind, record),
				    expected(kind, at, (uint8_t)(1U << n)),
				    "%s: byte %zu, bit %u: %s",
				    kinds[kind].name, at, n, msg_strerror(
				    decode_whole(kind, record)));
			}
}

/* Whatever a byte is: a reason, and nothing outside is read or written. */
Test(msg, P7_every_byte_has_every_value)
{
	unsigned int kind, value;
	size_t at;

	for (kind = 0; kind < NKINDS; kind++)
		for (at = 1; at < kinds[kind].size; at++)
			for (value = 0; value < 256; value++) {
				memcpy(record, kinds[kind].good,
				    kinds[kind].size);
				record[at] = (uint8_t)value;
				cr_assert_lt((unsigned int)decode_whole(kind,
				    record), (unsigned int)MSG_ERR_COUNT);
			}
}

Test(msg, ready_version)
{
	struct msg_ready m = good_ready;

	m.version = MSG_VERSION + 1;
	cr_assert_eq(decode_whole(READY, &m), MSG_EVERSION);
	m.version = MSG_VERSION - 1;
	cr_assert_eq(decode_whole(READY, &m), MSG_EVERSION);
	m.version = MSG_VERSION | 0x10000;
	cr_assert_eq(decode_whole(READY, &m), MSG_EVERSION);
}

Test(msg, P7_grant_numbers)
{
	struct msg_grant m = good_grant;
	unsigned int v;

	for (v = 0; v < 256; v++) {
		m.proto = (uint8_t)v;
		cr_assert_eq(decode_whole(GRANT, &m), v == 6 || v == 17 ?
		    MSG_OK : MSG_EPROTO, "protocol %u", v);
	}
	m = good_grant;
	for (v = 0; v < 256; v++) {
		m.family = (uint8_t)v;
		cr_assert_eq(decode_whole(GRANT, &m), v == 4 || v == 6 ?
		    MSG_OK : MSG_EFAMILY, "family %u", v);
	}
	m = good_grant;
	for (v = 0; v < 65536; v++) {
		m.port = (uint16_t)v;
		cr_assert_eq(decode_whole(GRANT, &m), v == 0 ? MSG_EPORT :
		    MSG_OK, "port %u", v);
	}
	m = good_grant;
	m.ttl = 0;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_OK);
	m.ttl = MSG_TTL_MAX;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_OK);
	m.ttl = MSG_TTL_MAX + 1;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_ETTL);
	m.ttl = UINT32_MAX;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_ETTL);
}

Test(msg, G5_grant_addresses)
{
	struct msg_grant m = good_grant;

	memset(m.client, 0xff, sizeof(m.client));
	cr_assert_eq(decode_whole(GRANT, &m), MSG_EADDR);
	memset(m.dst, 0xff, sizeof(m.dst));
	m.family = ADDR_V6;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_OK);
	m.local = 1;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_EADDR);
	memset(m.client, 0, sizeof(m.client));
	cr_assert_eq(decode_whole(GRANT, &m), MSG_OK);
	m.client[15] = 1;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_EADDR);
	m = good_grant;
	memset(m.client, 0, sizeof(m.client));
	cr_assert_eq(decode_whole(GRANT, &m), MSG_OK);
	m.local = 2;
	cr_assert_eq(decode_whole(GRANT, &m), MSG_EVALUE);
}

Test(msg, P7_grant_label)
{
	struct msg_grant m = good_grant;
	unsigned int v;
	size_t n;

	for (v = 0; v < 256; v++) {
		memcpy(m.label, "a.b", 4);
		m.label[1] = (char)v;
		/* A NUL is the end, and then nothing may follow. */
		cr_assert_eq(decode_whole(GRANT, &m),
		    is_label_byte((uint8_t)v) ? MSG_OK : MSG_ELABEL,
		    "byte %u", v);
		memset(m.label, 0, sizeof(m.label));
		m.label[0] = (char)v;
		cr_assert_eq(decode_whole(GRANT, &m),
		    is_label_byte((uint8_t)v) ? MSG_OK : MSG_ELABEL,
		    "first byte %u", v);
	}
	for (n = 0; n <= MSG_LABEL_SIZE; n++) {
		memset(m.label, 0, sizeof(m.label));
		memset(m.label, 'x', n);
		cr_assert_eq(decode_whole(GRANT, &m), n == 0 ||
		    n == MSG_LABEL_SIZE ? MSG_ELABEL : MSG_OK, "length %zu",
		    n);
	}
	memset(m.label, 0, sizeof(m.label));
	m.label[0] = m.label[MSG_LABEL_SIZE - 1] = 'x';
	cr_assert_eq(decode_whole(GRANT, &m), MSG_ELABEL);
}

Test(msg, U5_refusal_texts)
{
	struct msg_refusal m = good_refusal;
	unsigned int v;
	size_t n;

	for (v = 0; v < 256; v++) {
		m = good_refusal;
		m.name[1] = m.reason[1] = 'x';
		memset(m.name + 2, 0, sizeof(m.name) - 2);
		memset(m.reason + 2, 0, sizeof(m.reason) - 2);
		m.name[1] = (char)v;
		cr_assert_eq(decode_whole(REFUSAL, &m), v == 0 ||
		    (v > ' ' && v <= '~') ? MSG_OK : MSG_ETEXT, "name %u", v);
		m.name[1] = 'x';
		m.reason[1] = (char)v;
		cr_assert_eq(decode_whole(REFUSAL, &m), v == 0 ||
		    (v >= ' ' && v <= '~') ? MSG_OK : MSG_ETEXT, "%u", v);
	}
	for (n = 0; n <= MSG_NAME_SIZE; n++) {
		m = good_refusal;
		m.qtype = 0;
		memset(m.name, 0, sizeof(m.name));
		memset(m.name, 'x', n);
		cr_assert_eq(decode_whole(REFUSAL, &m), n == MSG_NAME_SIZE ?
		    MSG_ETEXT : MSG_OK, "a name of %zu", n);
	}
	for (n = 0; n <= MSG_REASON_SIZE; n++) {
		m = good_refusal;
		memset(m.reason, 0, sizeof(m.reason));
		memset(m.reason, 'x', n);
		cr_assert_eq(decode_whole(REFUSAL, &m), n == 0 ||
		    n == MSG_REASON_SIZE ? MSG_ETEXT : MSG_OK, "of %zu", n);
	}
}

Test(msg, U6_hits_numbers)
{
	struct msg_hits m = good_hits;

	m.count = 0;
	cr_assert_eq(decode_whole(HITS, &m), MSG_EVALUE);
	m.count = UINT32_MAX;
	cr_assert_eq(decode_whole(HITS, &m), MSG_OK);
	m.line = 0;
	cr_assert_eq(decode_whole(HITS, &m), MSG_EVALUE);
	m.line = MSG_LINES_MAX;
	cr_assert_eq(decode_whole(HITS, &m), MSG_OK);
	m.line++;
	cr_assert_eq(decode_whole(HITS, &m), MSG_EVALUE);
}

Test(msg, U5_refusal_numbers)
{
	struct msg_refusal m = good_refusal;

	for (m.kind = 0; m.kind < UINT8_MAX; m.kind++)
		cr_assert_eq(decode_whole(REFUSAL, &m), m.kind <
		    REFUSAL_KINDS ? MSG_OK : MSG_EVALUE);
	m = good_refusal;
	m.count = 0;
	cr_assert_eq(decode_whole(REFUSAL, &m), MSG_EVALUE);
	/* A type belongs to a name. */
	m = good_refusal;
	memset(m.name, 0, sizeof(m.name));
	cr_assert_eq(decode_whole(REFUSAL, &m), MSG_EVALUE);
	m.qtype = 0;
	cr_assert_eq(decode_whole(REFUSAL, &m), MSG_OK);
}

Test(msg, result_code_and_expiry)
{
	struct msg_result m = good_result;
	unsigned int code;

	for (code = 0; code < 256; code++) {
		m.code = (uint8_t)code;
		m.expiry = 0;
		cr_assert_eq(decode_whole(RESULT, &m), code != RESULT_OK &&
		    code < RESULT_COUNT ? MSG_OK : MSG_EVALUE, "code %u",
		    code);
		m.expiry = UINT64_MAX;
		cr_assert_eq(decode_whole(RESULT, &m), code == RESULT_OK ?
		    MSG_OK : MSG_EVALUE, "code %u", code);
	}
}

/* All prefix lengths, with one bit set in each place. */
Test(msg, P7_a_network_is_masked)
{
	struct msg_own m = { .type = MSG_OWN };
	unsigned int prefix, n, bits;

	for (bits = 32; bits <= 128; bits += 96)
		for (prefix = 0; prefix < 256; prefix++)
			for (n = 0; n < 128; n++) {
				memset(m.network, 0, sizeof(m.network));
				m.network[n / 8] = (uint8_t)(0x80 >> n % 8);
				m.family = bits == 32 ? ADDR_V4 : ADDR_V6;
				m.prefix = (uint8_t)prefix;
				cr_assert_eq(decode_whole(OWN, &m),
				    prefix <= bits && n < prefix ? MSG_OK :
				    MSG_EADDR, "bit %u, /%u of %u", n, prefix,
				    bits);
			}
	memset(m.network, 0, sizeof(m.network));
	m.prefix = 0;
	cr_assert_eq(decode_whole(OWN, &m), MSG_OK);
}

Test(msg, P7_image_size)
{
	struct msg_sealed s = good_sealed;
	struct msg_policy p = good_policy;
	static const uint64_t bad[] = { 0, IMAGE_SIZE_MAX + 1, 1ULL << 32,
	    UINT64_MAX };
	static const uint64_t good[] = { 1, IMAGE_SIZE_MAX };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s.size = p.size = bad[i];
		cr_assert_eq(decode_whole(SEALED, &s), MSG_EVALUE);
		cr_assert_eq(decode_whole(POLICY, &p), MSG_EVALUE);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		s.size = p.size = good[i];
		cr_assert_eq(decode_whole(SEALED, &s), MSG_OK);
		cr_assert_eq(decode_whole(POLICY, &p), MSG_OK);
	}
	p.families = 0;
	cr_assert_eq(decode_whole(POLICY, &p), MSG_OK);
}

/* The end of a set has nothing else; an address has a family. */
Test(msg, G8_own_end)
{
	struct msg_own m = { .type = MSG_OWN };
	unsigned int v;
	size_t at;

	cr_assert_eq(decode_whole(OWN, &m), MSG_OK);
	for (at = 2; at < sizeof(m); at++) {
		memset(record, 0, sizeof(m));
		record[0] = MSG_OWN;
		record[at] = 1;
		cr_assert_eq(decode_whole(OWN, record), MSG_EFAMILY,
		    "byte %zu", at);
	}
	for (v = 0; v < 256; v++) {
		m.family = (uint8_t)v;
		cr_assert_eq(decode_whole(OWN, &m), v == 0 || v == 4 ||
		    v == 6 ? MSG_OK : MSG_EFAMILY, "family %u", v);
	}
	m.family = ADDR_V6;
	memset(m.local, 0xff, sizeof(m.local));
	memset(m.broadcast, 0xff, sizeof(m.broadcast));
	m.prefix = 128;
	memset(m.network, 0xff, sizeof(m.network));
	cr_assert_eq(decode_whole(OWN, &m), MSG_OK);
	m.prefix = 129;
	cr_assert_eq(decode_whole(OWN, &m), MSG_EADDR);
	m.prefix = 127;
	cr_assert_eq(decode_whole(OWN, &m), MSG_EADDR);
}

static enum msg_err
config_with(size_t offset, const void *value, size_t len)
{
	struct msg_config m = good_config;

	memcpy((uint8_t *)&m + offset, value, len);
	return (decode_whole(CONFIG, &m));
}

/* The numbers of one byte: from, to, and what all others are. */
Test(msg, config_small_numbers)
{
	static const struct {
		size_t at;
		unsigned int min, max;
	} fields[] = {
		{ offsetof(struct msg_config, randomize_case), 0, 1 },
		{ offsetof(struct msg_config, upstream_tcp), 0, 1 },
		{ offsetof(struct msg_config, family_filter), 0, 1 },
		{ offsetof(struct msg_config, block_aliases), 0, 1 },
		{ offsetof(struct msg_config, bypass_pass), 0, 1 },
		{ offsetof(struct msg_config, audit), 0, 1 },
		{ offsetof(struct msg_config, nbinds), 1, MSG_BINDS_MAX },
		{ offsetof(struct msg_config, nupstreams), 1,
		    MSG_UPSTREAMS_MAX },
		{ offsetof(struct msg_config, client_nets.n), 0, MSG_NETS_MAX },
		{ offsetof(struct msg_config, refuse_with), 0,
		    REFUSE_NODATA },
		{ offsetof(struct msg_config, log_format), 0,
		    LOGFORMAT_JSON },
		{ offsetof(struct msg_config, log_level), 0, LOGLEVEL_NONE },
		{ offsetof(struct msg_config, firewall), 0, 1 },
	};
	struct msg_config full = good_config;
	unsigned int i, v;

	/* As many as are counted must be right. */
	for (i = 0; i < MSG_UPSTREAMS_MAX; i++)
		full.upstreams[i] = good_config.upstreams[0];
	for (i = 0; i < MSG_NETS_MAX; i++)
		full.client_nets.at[i] = good_config.client_nets.at[0];
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		for (v = 0; v < 256; v++) {
			memcpy(record, &full, sizeof(full));
			record[fields[i].at] = (uint8_t)v;
			cr_assert_eq(decode_whole(CONFIG, record),
			    v >= fields[i].min && v <= fields[i].max ?
			    MSG_OK : MSG_EVALUE, "byte %zu is %u",
			    fields[i].at, v);
		}
}

Test(msg, config_times_and_limits)
{
	struct msg_config m = good_config;

	m.timeout = 0;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.timeout = UINT32_MAX;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
	m.max_connections = 0;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.max_connections = 1;
	m.client_rate = MSG_CLIENT_RATE_MAX + 1;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.client_rate--;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
	m.nworkers = 0;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.nworkers = MSG_WORKERS_MAX + 1;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.nworkers--;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
	m.number = m.nworkers;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.number--;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
	m.min_rule_time = 0;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.min_rule_time = m.max_rule_time;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
	m.min_rule_time++;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.max_rule_time = MSG_TTL_MAX;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
	m.max_rule_time++;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
}

Test(msg, config_upstreams)
{
	struct msg_upstream u = good_config.upstreams[0];
	const size_t at = offsetof(struct msg_config, upstreams);

	u.pad = 1;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_EPAD);
	u.pad = 0;
	u.port = 0;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_EPORT);
	u.port = 65535;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_OK);
	u.family = 0;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_EFAMILY);
	u.family = ADDR_V4;
	u.addr[4] = 1;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_EADDR);
	u.family = ADDR_V6;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_OK);
	u.scope = UINT32_MAX;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_OK);
	u.family = ADDR_V4;
	u.addr[4] = 0;
	cr_assert_eq(config_with(at, &u, sizeof(u)), MSG_EADDR);
}

Test(msg, config_client_nets)
{
	struct addr_net n = good_config.client_nets.at[0];
	const size_t at = offsetof(struct msg_config, client_nets.at);

	n.prefix = 33;
	cr_assert_eq(config_with(at, &n, sizeof(n)), MSG_EADDR);
	n.prefix = 23;
	cr_assert_eq(config_with(at, &n, sizeof(n)), MSG_OK);
	n.prefix = 22;		/* 192.0.2.0 has a bit behind it */
	cr_assert_eq(config_with(at, &n, sizeof(n)), MSG_EADDR);
	n.prefix = 24;
	n.base.family = 5;
	cr_assert_eq(config_with(at, &n, sizeof(n)), MSG_EFAMILY);
}

Test(msg, G8_config_deny_and_allow_nets)
{
	struct msg_config m = good_config;

	m.deny_nets.n = MSG_NETS_MAX + 1;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.deny_nets.n = 1;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EFAMILY);
	m.deny_nets.at[0] = good_config.client_nets.at[0];
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
	m.allow_nets.n = MSG_NETS_MAX + 1;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EVALUE);
	m.allow_nets.n = 1;
	m.allow_nets.at[0] = good_config.client_nets.at[0];
	m.allow_nets.at[0].prefix = 8;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_EADDR);
	m.allow_nets.at[0].prefix = 32;
	cr_assert_eq(decode_whole(CONFIG, &m), MSG_OK);
}

Test(msg, G3_lifetime_is_held)
{
	cr_assert_eq(msg_lifetime(0, 5, 10), 5);
	cr_assert_eq(msg_lifetime(4, 5, 10), 5);
	cr_assert_eq(msg_lifetime(5, 5, 10), 5);
	cr_assert_eq(msg_lifetime(7, 5, 10), 7);
	cr_assert_eq(msg_lifetime(10, 5, 10), 10);
	cr_assert_eq(msg_lifetime(11, 5, 10), 10);
	cr_assert_eq(msg_lifetime(MSG_TTL_MAX, 5, 10), 10);
	cr_assert_eq(msg_lifetime(0, 7, 7), 7);
}

Test(msg, G3_grace_ends_with_the_maximum)
{
	cr_assert_eq(msg_grace(5, 1000), GRANT_GRACE);
	cr_assert_eq(msg_grace(1000 - GRANT_GRACE, 1000), GRANT_GRACE);
	cr_assert_eq(msg_grace(1000 - GRANT_GRACE + 1, 1000), GRANT_GRACE - 1);
	cr_assert_eq(msg_grace(1000, 1000), 0);
}

Test(msg, every_reason_has_a_text)
{
	unsigned int i, j;

	for (i = 0; i < MSG_ERR_COUNT; i++) {
		cr_assert_neq(*msg_strerror(i), '\0');
		for (j = 0; j < i; j++)
			cr_assert_str_neq(msg_strerror(i), msg_strerror(j));
	}
	cr_assert_str_eq(msg_strerror(MSG_ERR_COUNT), "unknown error");
	for (i = 0; i < RESULT_COUNT; i++)
		cr_assert_neq(*msg_result_text(i), '\0');
	cr_assert_str_eq(msg_result_text(RESULT_COUNT), "unknown result");
}

static enum msg_err
host(uint8_t family, uint8_t prefix, uint8_t last)
{
	struct msg_host m = good_host;

	m.family = family;
	m.prefix = prefix;
	memset(m.base, 0, sizeof(m.base));
	m.base[family == ADDR_V4 ? 3 : 15] = last;
	return (decode_whole(HOST, &m));
}

Test(msg, U11_addresses_of_hosts)
{
	struct msg_host m = good_host;

	cr_assert_eq(host(ADDR_V4, 32, 1), MSG_OK);
	cr_assert_eq(host(ADDR_V4, 31, 0), MSG_EADDR);
	cr_assert_eq(host(ADDR_V4, 64, 0), MSG_EADDR);
	cr_assert_eq(host(ADDR_V6, 128, 1), MSG_OK);
	cr_assert_eq(host(ADDR_V6, 64, 1), MSG_EADDR);
	cr_assert_eq(host(ADDR_V6, 63, 0), MSG_EADDR);
	cr_assert_eq(host(ADDR_V6, 65, 0), MSG_EADDR);
	cr_assert_eq(host(5, 32, 1), MSG_EFAMILY);
	m.pad = 1;
	cr_assert_eq(decode_whole(HOST, &m), MSG_EPAD);
	m.pad = 0;
	m.host = MSG_HOSTS_MAX - 1;
	cr_assert_eq(decode_whole(HOST, &m), MSG_OK);
	m.host++;
	cr_assert_eq(decode_whole(HOST, &m), MSG_EVALUE);
}
