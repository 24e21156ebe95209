/*
 * For Frama-C: an order becomes messages, with any stamps.  ONE: put() keeps to
 * its contract below for any order that was decoded, whatever came before it in
 * the record.  Otherwise: a record of any bytes and any length, and put() is what
 * its contract says.  helper.c is about order_decode() and limits_check(), bounds.c
 * about bounds_cover(), io.c about io_index().
 */
#include "__fc_builtin.h"

#include "helper/act.h"
#include "helper/io.h"

#define ROOM	(ACT_MESSAGES_MAX * STAMPS_BYTES)

/*@ assigns \result \from g->left;
    ensures 0 <= \result < ORDER_CODE_COUNT; */
enum order_code limits_check(const struct limits *l, const struct order_grant *g);

/*@ assigns \result \from g->port;
    ensures \result == 0 || \result == 1; */
bool bounds_cover(const struct bounds *b, const struct order_grant *g);

/*@ assigns \result, *index \from kind;
    ensures (\result == 0 || \result == 1) && \initialized(index); */
bool io_index(const struct stamps *s, unsigned int kind, uint16_t *index);

/*@ requires a->len <= ROOM && a->last <= ROOM - STAMPS_BYTES;
    assigns \result, a->len, a->last, a->missing, a->out[0 .. ROOM - 1]
	\from o->any.seq;
    ensures a->len <= ROOM && a->last <= ROOM - STAMPS_BYTES;
    ensures 0 <= \result < ORDER_CODE_COUNT; */
static enum order_code put(struct act *a, const struct bounds *b,
    const union order *o);

#ifndef ONE
/*@ assigns \result, *out \from *(unsigned char *)buf;
    ensures \initialized((char *)out + (0 .. sizeof(*out) - 1)); */
enum order_err order_decode(const void *buf, size_t len, union order *out);
#endif

#include "helper/act.c"

static struct stamps stamps;
static struct bounds bounds;
static struct act act;
static unsigned char record[ORDER_SIZE_MAX];

#ifdef ONE
static void
try_one(unsigned char type)
{
	union order o;

	act.len = (size_t)Frama_C_interval(0, ROOM);
	act.last = (size_t)Frama_C_interval(0, ROOM - STAMPS_BYTES);
	if (order_decode(record, order_size(type), &o) == ORDER_OK)
		(void)put(&act, &bounds, &o);
}
#else
static void
try_one(unsigned char type)
{
	const size_t len = (size_t)Frama_C_interval(1, sizeof(record));

	if (act_fill(&act, &bounds, record, len) == ORDER_OK)
		act_undo(&act);
}
#endif

int
main(void)
{
	unsigned int type;

	Frama_C_make_unknown((char *)&stamps, sizeof(stamps));
	act.stamps = &stamps;
	/*@ loop unroll 7; */
	for (type = ORDER_ADD; type <= ORDER_FLOW; type++) {
		Frama_C_make_unknown((char *)record, sizeof(record));
		record[0] = (unsigned char)type;
		try_one((unsigned char)type);
	}
	return (0);
}
