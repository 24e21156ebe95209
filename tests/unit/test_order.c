/*
 * The decoders of what the helper and the keeper say to each other: each field
 * at its limits, each bit flipped, each size.  The reasons are exact.
 */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "order_each.h"
#include "report.h"

static const struct order_grant good_add = {
	.type = ORDER_ADD, .family = ADDR_V4, .proto = IPPROTO_TCP,
	.seq = 0xfedcba98, .left = 0x7fffffff, .port = 0x01bb,
	.client = { 192, 0, 2, 1 }, .dst = { 198, 51, 100, 7 },
	.label = "www.example.com"
};
/* Neither protocol nor port are those of a grant. */
static const struct order_grant good_del = {
	.type = ORDER_DEL, .family = ADDR_V4, .proto = IPPROTO_ICMP,
	.seq = 0xfedcba98, .client = { 192, 0, 2, 1 },
	.dst = { 198, 51, 100, 7 }
};
static const struct order_grant good_test = {
	.type = ORDER_TEST, .family = ADDR_V4, .proto = IPPROTO_UDP,
	.port = 53, .client = { 192, 0, 2, 1 }, .dst = { 198, 51, 100, 7 }
};
static const struct order_read good_read = {
	.type = ORDER_READ, .what = 200, .sub = 3, .seq = 7, .name = "map"
};
static const struct order_make good_make = {
	.type = ORDER_MAKE, .what = 9, .sub = 3, .sets = 15, .seq = 7,
	.position = 0x123456789a, .rules = 5
};
static const struct order_flow good_flow = {
	.type = ORDER_FLOW, .family = ADDR_V4, .proto = IPPROTO_UDP,
	.seq = 7, .sport = 1024, .dport = 53, .zone = 9,
	.src = { 192, 0, 2, 1 }, .dst = { 198, 51, 100, 7 }
};
static const struct order_bound good_bound = {
	.type = ORDER_BOUND, .family = ADDR_V6, .prefix = 128,
	.proto = IPPROTO_UDP, .port = 0x3535, .base = { 0x20, 0x01, 0x0d }
};
static const struct order_commit good_commit = {
	.type = ORDER_COMMIT, .bounds = 77
};
static const struct order_ready good_ready = {
	.type = ORDER_READY, .version = ORDER_VERSION
};
static const struct order_refused good_refused = {
	.type = ORDER_REFUSED, .code = ORDER_OUTSIDE, .seq = 0xfedcba98
};
static const struct order_error good_error = {
	.type = ORDER_ERROR, .why = ORDER_END_RECORD, .detail = ORDER_ELABEL
};

typedef enum order_err decode_fn(const void *buf, size_t len, void *out);

/* One function type for all. */
#define DECODE(kind, function)						\
	static enum order_err						\
	decode_##kind(const void *buf, size_t len, void *out)		\
	{								\
		return (function(buf, len, out));			\
	}

DECODE(grant, order_grant_decode)
DECODE(read, order_read_decode)
DECODE(make, order_make_decode)
DECODE(flow, order_flow_decode)
DECODE(bound, order_bound_decode)
DECODE(commit, order_commit_decode)
DECODE(ready, report_ready_decode)
DECODE(refused, report_refused_decode)
DECODE(error, report_error_decode)

/* The bits that must not be flipped; all others may be. */
struct guarded {
	size_t		from, len;	/* bytes */
	uint8_t		bits;
	enum order_err	err;
};

#define FIELD(type, field)	offsetof(struct type, field), \
				sizeof(((struct type *)0)->field)
#define LABEL_END	(offsetof(struct order_grant, label) + \
			    sizeof("www.example.com") - 1)

static const struct guarded add_bits[] = {
	/* 4 and 6 differ in bit 1; both are families. */
	{ FIELD(order_grant, family), 0xfd, ORDER_EFAMILY },
	{ FIELD(order_grant, proto), 0xff, ORDER_EPROTO },
	{ FIELD(order_grant, local), 0xfe, ORDER_EVALUE },
	/* Local, but with a client. */
	{ FIELD(order_grant, local), 0x01, ORDER_EADDR },
	{ FIELD(order_grant, how), 0xfc, ORDER_EVALUE },
	{ FIELD(order_grant, pad), 0xff, ORDER_EPAD },
	{ offsetof(struct order_grant, client) + 4, 12, 0xff, ORDER_EADDR },
	{ offsetof(struct order_grant, dst) + 4, 12, 0xff, ORDER_EADDR },
	/* The last character may become another, or NUL; its case may not. */
	{ LABEL_END, ORDER_LABEL_SIZE - sizeof("www.example.com") + 1, 0xff,
	    ORDER_ELABEL },
	{ 0, 0, 0, ORDER_OK }
};

static const struct guarded del_bits[] = {
	{ FIELD(order_grant, family), 0xfd, ORDER_EFAMILY },
	{ FIELD(order_grant, local), 0xfe, ORDER_EVALUE },
	{ FIELD(order_grant, local), 0x01, ORDER_EADDR },
	{ FIELD(order_grant, left), 0xff, ORDER_ETIME },
	{ FIELD(order_grant, how), 0xff, ORDER_EVALUE },
	{ FIELD(order_grant, pad), 0xff, ORDER_EPAD },
	{ offsetof(struct order_grant, client) + 4, 12, 0xff, ORDER_EADDR },
	{ offsetof(struct order_grant, dst) + 4, 12, 0xff, ORDER_EADDR },
	{ FIELD(order_grant, label), 0xff, ORDER_ELABEL },
	{ 0, 0, 0, ORDER_OK }
};

static const struct guarded read_bits[] = {
	{ FIELD(order_read, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_read, pad), 0xff, ORDER_EPAD },
	/* Behind "map" and its NUL. */
	{ offsetof(struct order_read, name) + 4, ORDER_NAME_SIZE - 4, 0xff,
	    ORDER_ELABEL },
	{ 0, 0, 0, ORDER_OK }
};

static const struct guarded make_bits[] = {
	{ FIELD(order_make, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_make, sub), 0xfc, ORDER_EVALUE },
	{ FIELD(order_make, sets), 0xf0, ORDER_EVALUE },
	{ FIELD(order_make, rules), 0xf0, ORDER_EVALUE },
	{ FIELD(order_make, pad), 0xff, ORDER_EPAD },
	{ 0, 0, 0, ORDER_OK }
};

static const struct guarded flow_bits[] = {
	{ FIELD(order_flow, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_flow, family), 0xfd, ORDER_EFAMILY },
	{ FIELD(order_flow, proto), 0xff, ORDER_EPROTO },
	{ FIELD(order_flow, pad), 0xff, ORDER_EPAD },
	{ FIELD(order_flow, pad2), 0xff, ORDER_EPAD },
	{ offsetof(struct order_flow, src) + 4, 12, 0xff, ORDER_EADDR },
	{ offsetof(struct order_flow, dst) + 4, 12, 0xff, ORDER_EADDR },
	{ 0, 0, 0, ORDER_OK }
};

static const struct guarded bound_bits[] = {
	{ FIELD(order_bound, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_bound, family), 0xfd, ORDER_EFAMILY },
	/* IPv4 has no prefix of 128. */
	{ FIELD(order_bound, family), 0x02, ORDER_EADDR },
	/* 128 and more; and 0. */
	{ FIELD(order_bound, prefix), 0x7f, ORDER_EADDR },
	{ FIELD(order_bound, proto), 0xff, ORDER_EPROTO },
	{ FIELD(order_bound, pad), 0xff, ORDER_EPAD },
	{ 0, 0, 0, ORDER_OK }
};

static const struct guarded commit_bits[] = {
	{ FIELD(order_commit, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_commit, pad), 0xff, ORDER_EPAD },
	/* 77 and 2^17 are more than there may be. */
	{ offsetof(struct order_commit, bounds) + 2, 1, 0xfe, ORDER_EVALUE },
	{ offsetof(struct order_commit, bounds) + 3, 1, 0xff, ORDER_EVALUE },
	{ 0, 0, 0, ORDER_OK }
};

static const struct guarded ready_bits[] = {
	{ FIELD(order_ready, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_ready, pad), 0xff, ORDER_EPAD },
	{ FIELD(order_ready, version), 0xff, ORDER_EVERSION },
	{ 0, 0, 0, ORDER_OK }
};

/* OUTSIDE is 2: 3, 6 and 0, which is no refusal, are its neighbours. */
static const struct guarded refused_bits[] = {
	{ FIELD(order_refused, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_refused, code), 0xfa, ORDER_EVALUE },
	{ FIELD(order_refused, pad), 0xff, ORDER_EPAD },
	{ 0, 0, 0, ORDER_OK }
};

/* RECORD is 66; 64, 67, and 70, which is none. */
static const struct guarded error_bits[] = {
	{ FIELD(order_error, type), 0xff, ORDER_ETYPE },
	{ FIELD(order_error, why), 0xfc, ORDER_EVALUE },
	{ FIELD(order_error, pad), 0xff, ORDER_EPAD },
	{ 0, 0, 0, ORDER_OK }
};

static const struct kind {
	const char	*name;
	decode_fn	*decode;
	const void	*good;
	size_t		 size;
	const struct guarded *bits;
} kinds[] = {
	{ "ADD", decode_grant, &good_add, 176, add_bits },
	{ "DEL", decode_grant, &good_del, 176, del_bits },
	{ "TEST", decode_grant, &good_test, 176, del_bits },
	{ "READ", decode_read, &good_read, 72, read_bits },
	{ "MAKE", decode_make, &good_make, 24, make_bits },
	{ "FLOW", decode_flow, &good_flow, 48, flow_bits },
	{ "BOUND", decode_bound, &good_bound, 24, bound_bits },
	{ "COMMIT", decode_commit, &good_commit, 8, commit_bits },
	{ "READY", decode_ready, &good_ready, 8, ready_bits },
	{ "REFUSED", decode_refused, &good_refused, 8, refused_bits },
	{ "ERROR", decode_error, &good_error, 8, error_bits },
};
#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))

enum { ADD, DEL, TEST, READ, MAKE, FLOW, BOUND, COMMIT };

static uint8_t record[2 * ORDER_SIZE_MAX];

/*
 * Decode a copy of exactly len bytes into what has no byte to spare, either:
 * for AddressSanitizer.  What was taken must be what was sent.
 */
static enum order_err
decode(unsigned int kind, const void *bytes, size_t len)
{
	void *copy = malloc(len), *out = malloc(kinds[kind].size);
	enum order_err err;

	cr_assert(out != NULL && (len == 0 || copy != NULL));
	if (len > 0)
		memcpy(copy, bytes, len);
	err = kinds[kind].decode(copy, len, out);
	cr_assert(err != ORDER_OK || memcmp(out, copy, len) == 0, "%s",
	    kinds[kind].name);
	free(copy);
	free(out);
	return (err);
}

static enum order_err
decode_whole(unsigned int kind, const void *message)
{
	return (decode(kind, message, kinds[kind].size));
}

Test(order, P7_only_the_exact_size)
{
	unsigned int kind;
	size_t len;

	for (kind = 0; kind < NKINDS; kind++) {
		memset(record, 0, sizeof(record));
		memcpy(record, kinds[kind].good, kinds[kind].size);
		for (len = 0; len <= 2 * kinds[kind].size; len++)
			cr_assert_eq(decode(kind, record, len),
			    len == kinds[kind].size ? ORDER_OK : ORDER_ESIZE,
			    "%s with %zu bytes", kinds[kind].name, len);
	}
}

Test(order, P7_only_its_own_type)
{
	unsigned int kind, type, own;

	for (kind = READ; kind < NKINDS; kind++) {
		memcpy(record, kinds[kind].good, kinds[kind].size);
		own = record[0];
		for (type = 0; type < 256; type++) {
			record[0] = (uint8_t)type;
			cr_assert_eq(decode_whole(kind, record),
			    type == own ? ORDER_OK : ORDER_ETYPE,
			    "%s with type %u", kinds[kind].name, type);
		}
	}
}

/* ADD, DEL and TEST have one decoder; what one has, another may not have. */
Test(order, P7_types_of_a_grant)
{
	struct order_grant m = good_del;
	unsigned int type;

	for (type = 0; type < 256; type++) {
		m.type = (uint8_t)type;
		cr_assert_eq(decode_whole(DEL, &m),
		    type == ORDER_ADD ? ORDER_EPROTO :
		    type == ORDER_DEL || type == ORDER_TEST ? ORDER_OK :
		    ORDER_ETYPE, "type %u", type);
	}
}

static bool
is_label_byte(uint8_t c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    (c != 0 && strchr("._*-", c) != NULL));
}

/* What a record must be decoded to whose byte at has the bit flipped. */
static enum order_err
expected(unsigned int kind, size_t at, uint8_t flipped)
{
	const struct guarded *g;

	if (kind == ADD && at >= offsetof(struct order_grant, label) &&
	    at < LABEL_END)
		return (is_label_byte(record[at]) ? ORDER_OK : ORDER_ELABEL);
	/* As another type of a grant: DEL and TEST are alike. */
	if (kind <= TEST && at == 0)
		return (record[0] == ORDER_DEL || record[0] == ORDER_TEST ?
		    (kind == ADD ? ORDER_ETIME : ORDER_OK) :
		    record[0] == ORDER_ADD ? ORDER_ETIME : ORDER_ETYPE);
	for (g = kinds[kind].bits; g->len != 0; g++) {
		if (at >= g->from && at - g->from < g->len &&
		    (flipped & g->bits) != 0)
			return (g->err);
	}
	return (ORDER_OK);
}

Test(order, P7_every_bit_flipped)
{
	unsigned int kind, n;
	size_t at;

	for (kind = 0; kind < NKINDS; kind++)
		for (at = 0; at < kinds[kind].size; at++)
			for (n = 0; n < 8; n++) {
				memcpy(record, kinds[kind].good,
				    kinds[kind].size);
				record[at] ^= (uint8_t)(1U << n);
				cr_assert_eq(decode_whole(kind, record),
				    expected(kind, at, (uint8_t)(1U << n)),
				    "%s: byte %zu, bit %u: %s",
				    kinds[kind].name, at, n, report_err_text(
				    decode_whole(kind, record)));
			}
}

/* Whatever a byte is: a reason, and nothing outside is read or written. */
Test(order, P7_every_byte_has_every_value)
{
	unsigned int kind, value;
	size_t at;

	for (kind = 0; kind < NKINDS; kind++)
		for (at = 0; at < kinds[kind].size; at++)
			for (value = 0; value < 256; value++) {
				memcpy(record, kinds[kind].good,
				    kinds[kind].size);
				record[at] = (uint8_t)value;
				cr_assert_lt((unsigned int)decode_whole(kind,
				    record), (unsigned int)ORDER_ERR_COUNT);
			}
}

Test(order, P7_add_numbers)
{
	struct order_grant m = good_add;
	unsigned int v;

	for (v = 0; v < 256; v++) {
		m.proto = (uint8_t)v;
		cr_assert_eq(decode_whole(ADD, &m), v == 6 || v == 17 ?
		    ORDER_OK : ORDER_EPROTO, "protocol %u", v);
	}
	m = good_add;
	for (v = 0; v < 65536; v++) {
		m.port = (uint16_t)v;
		cr_assert_eq(decode_whole(ADD, &m), v == 0 ? ORDER_EPORT :
		    ORDER_OK, "port %u", v);
	}
	m = good_add;
	m.left = 0;	/* would be for ever */
	cr_assert_eq(decode_whole(ADD, &m), ORDER_ETIME);
	m.left = 1;
	cr_assert_eq(decode_whole(ADD, &m), ORDER_OK);
	m.left = UINT32_MAX;
	cr_assert_eq(decode_whole(ADD, &m), ORDER_OK);
	m.how = ORDER_FRESH | ORDER_SPARE;
	cr_assert_eq(decode_whole(ADD, &m), ORDER_OK);
}

/* What is in our sets and no grant can be taken out and looked for. */
Test(order, P7_del_of_a_stranger)
{
	struct order_grant m = good_del;
	unsigned int v;

	for (v = 0; v < 65536; v++) {
		m.proto = (uint8_t)v;
		m.port = (uint16_t)v;
		cr_assert_eq(decode_whole(DEL, &m), ORDER_OK, "%u", v);
	}
}

Test(order, G5_addresses)
{
	struct order_grant m = good_add;

	memset(m.client, 0xff, sizeof(m.client));
	cr_assert_eq(decode_whole(ADD, &m), ORDER_EADDR);
	memset(m.dst, 0xff, sizeof(m.dst));
	m.family = ADDR_V6;
	cr_assert_eq(decode_whole(ADD, &m), ORDER_OK);
	m.local = 1;
	cr_assert_eq(decode_whole(ADD, &m), ORDER_EADDR);
	memset(m.client, 0, sizeof(m.client));
	cr_assert_eq(decode_whole(ADD, &m), ORDER_OK);
	m.client[15] = 1;
	cr_assert_eq(decode_whole(ADD, &m), ORDER_EADDR);
}

Test(order, P7_label)
{
	struct order_grant m = good_add;
	unsigned int v;

	for (v = 0; v < 256; v++) {
		memset(m.label, 0, sizeof(m.label));
		m.label[0] = (char)v;
		cr_assert_eq(decode_whole(ADD, &m),
		    is_label_byte((uint8_t)v) ? ORDER_OK : ORDER_ELABEL,
		    "byte %u", v);
	}
	memset(m.label, 'a', sizeof(m.label));
	cr_assert_eq(decode_whole(ADD, &m), ORDER_ELABEL);
	m.label[sizeof(m.label) - 1] = '\0';
	cr_assert_eq(decode_whole(ADD, &m), ORDER_OK);
	m.label[5] = '\0';	/* and more behind it */
	cr_assert_eq(decode_whole(ADD, &m), ORDER_ELABEL);
}

Test(order, P7_name_of_a_map)
{
	struct order_read m = good_read;

	memset(m.name, 'a', sizeof(m.name));
	cr_assert_eq(decode_whole(READ, &m), ORDER_ELABEL);
	m.name[sizeof(m.name) - 1] = '\0';
	cr_assert_eq(decode_whole(READ, &m), ORDER_OK);
	memset(m.name, 0, sizeof(m.name));
	cr_assert_eq(decode_whole(READ, &m), ORDER_OK);
}

Test(order, P7_kinds_of_make)
{
	struct order_make m = good_make;
	unsigned int v;

	for (v = 0; v < 256; v++) {
		m = good_make;
		m.sub = (uint8_t)v;
		cr_assert_eq(decode_whole(MAKE, &m), v < 4 ? ORDER_OK :
		    ORDER_EVALUE, "kind %u", v);
		m = good_make;
		m.sets = (uint8_t)v;
		cr_assert_eq(decode_whole(MAKE, &m), v < 16 ? ORDER_OK :
		    ORDER_EVALUE, "sets %u", v);
		m = good_make;
		m.rules = (uint8_t)v;
		cr_assert_eq(decode_whole(MAKE, &m), v < 16 ? ORDER_OK :
		    ORDER_EVALUE, "rules %u", v);
	}
}

Test(order, A9_flow_in_every_zone)
{
	struct order_flow m = good_flow;
	unsigned int v;

	for (v = 0; v < 65536; v++) {
		m.zone = m.sport = m.dport = (uint16_t)v;
		cr_assert_eq(decode_whole(FLOW, &m), ORDER_OK, "%u", v);
	}
}

Test(order, P7_bounds)
{
	struct order_bound m = { .type = ORDER_BOUND, .family = ADDR_V4,
	    .proto = IPPROTO_TCP, .port = 80 };
	unsigned int v;

	for (v = 0; v <= 255; v++) {
		m.prefix = (uint8_t)v;
		m.family = ADDR_V4;
		cr_assert_eq(decode_whole(BOUND, &m), v <= 32 ? ORDER_OK :
		    ORDER_EADDR, "prefix %u", v);
		m.family = ADDR_V6;
		cr_assert_eq(decode_whole(BOUND, &m), v <= 128 ? ORDER_OK :
		    ORDER_EADDR, "prefix %u", v);
	}
	m = good_bound;
	m.proto = 0;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_EPORT);
	m.port = 0;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_OK);
	m.proto = IPPROTO_TCP;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_EPORT);
}

/* G5: this host itself, which has no subnet. */
Test(order, G5_bound_of_this_host)
{
	struct order_bound m = { .type = ORDER_BOUND, .proto = IPPROTO_TCP,
	    .port = 80 };

	cr_assert_eq(decode_whole(BOUND, &m), ORDER_OK);
	m.prefix = 1;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_EADDR);
	m.prefix = 0;
	m.base[15] = 1;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_EADDR);
	m.base[15] = 0;
	m.base[0] = 1;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_EADDR);
	/* Nor has IPv4 more than four octets. */
	m.family = ADDR_V4;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_OK);
	m.base[4] = 1;
	cr_assert_eq(decode_whole(BOUND, &m), ORDER_EADDR);
}

/* What is too long, or nothing, is not looked into. */
Test(order, P7_another_length)
{
	uint8_t buf[sizeof(union order) + 1] = { ORDER_COMMIT };
	union order o;
	unsigned int v;

	cr_assert_eq(order_decode(buf, sizeof(struct order_commit), &o),
	    ORDER_OK);
	cr_assert_eq(order_decode(buf, sizeof(struct order_commit) + 1, &o),
	    ORDER_ESIZE);
	memset(&o, 0xff, sizeof(o));
	cr_assert_eq(order_decode(buf, 0, &o), ORDER_ESIZE);
	for (v = ORDER_COMMIT + 1; v < 256; v++)
		cr_assert_eq(order_size((uint8_t)v), 0, "type %u", v);
}

Test(order, P7_number_of_bounds)
{
	struct order_commit m = good_commit;

	m.bounds = ORDER_BOUNDS_MAX;
	cr_assert_eq(decode_whole(COMMIT, &m), ORDER_OK);
	m.bounds = ORDER_BOUNDS_MAX + 1;
	cr_assert_eq(decode_whole(COMMIT, &m), ORDER_EVALUE);
	m.bounds = 0;
	cr_assert_eq(decode_whole(COMMIT, &m), ORDER_OK);
}

Test(order, every_value_has_a_text)
{
	unsigned int v;

	for (v = 0; v < 300; v++) {
		cr_assert_not_null(report_err_text((enum order_err)v));
		cr_assert_not_null(report_code_text((enum order_code)v));
		cr_assert_not_null(report_end_text((enum order_end)v));
	}
}

/* What is longer than any is not even copied. */
Test(order, longer_than_any)
{
	static uint8_t bytes[2 * sizeof(union order)];
	static struct {
		union order	o;
		uint8_t		behind[sizeof(union order)];
	} out;
	size_t i, len;

	memset(bytes, ORDER_ADD, sizeof(bytes));
	for (len = sizeof(out.o) + 1; len <= sizeof(bytes); len++) {
		cr_assert_eq(order_decode(bytes, len, &out.o), ORDER_ESIZE);
		for (i = 0; i < sizeof(out.behind); i++)
			cr_assert_eq(out.behind[i], 0);
	}
}
