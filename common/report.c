/* What the helper says to the keeper. */
#include "report.h"

#include <stdbool.h>
#include <string.h>

static const char *const errors[] = {
	[ORDER_OK] = "no error",
	[ORDER_ESIZE] = "wrong size",
	[ORDER_ETYPE] = "unknown or unexpected type",
	[ORDER_EPAD] = "reserved bits set",
	[ORDER_EFAMILY] = "bad address family",
	[ORDER_EADDR] = "bad address bytes or prefix",
	[ORDER_EPROTO] = "bad protocol",
	[ORDER_EPORT] = "bad port",
	[ORDER_ETIME] = "time out of range",
	[ORDER_ELABEL] = "bad label",
	[ORDER_EVALUE] = "field out of range",
	[ORDER_EVERSION] = "version mismatch",
};
static_assert(sizeof(errors) / sizeof(errors[0]) == ORDER_ERR_COUNT,
    "a text for each error");

static const char *const codes[] = {
	[ORDER_SENT] = "sent",
	[ORDER_FORBIDDEN] = "destination is never granted",
	[ORDER_OUTSIDE] = "outside of the policy",
	[ORDER_TOO_LONG] = "longer than --max-rule-time",
	[ORDER_NO_STAMP] = "not with these options",
	[ORDER_NO_SET] = "there is no set of ours",
	[ORDER_NOT_TAKEN] = "the netlink socket did not take it",
};
static_assert(sizeof(codes) / sizeof(codes[0]) == ORDER_CODE_COUNT,
    "a text for each code");

static const char *const ends[] = {
	[ORDER_END_EOF - ORDER_END_EOF] = "the keeper is gone",
	[ORDER_END_COMPILER - ORDER_END_EOF] = "the compiler is gone",
	[ORDER_END_RECORD - ORDER_END_EOF] = "malformed message",
	[ORDER_END_TRUNCATED - ORDER_END_EOF] =
	    "message too long, or with a descriptor",
	[ORDER_END_BOUNDS - ORDER_END_EOF] =
	    "bounds out of order, too many, or miscounted",
	[ORDER_END_SYSTEM - ORDER_END_EOF] = "a system call failed",
};
static_assert(sizeof(ends) / sizeof(ends[0]) ==
    ORDER_END_LIMIT - ORDER_END_EOF, "a text for each end");

const char *
report_err_text(enum order_err err)
{
	return (err < ORDER_ERR_COUNT ? errors[err] : "unknown error");
}

const char *
report_code_text(enum order_code code)
{
	return (code < ORDER_CODE_COUNT ? codes[code] : "unknown code");
}

const char *
report_end_text(enum order_end why)
{
	return (why >= ORDER_END_EOF && why < ORDER_END_LIMIT ?
	    ends[why - ORDER_END_EOF] : "unknown reason");
}

static enum order_err
report_take(const void *buf, size_t len, void *out, size_t size, enum order_type type)
{
	if (len != size)
		return (ORDER_ESIZE);
	memcpy(out, buf, size);
	return (*(const uint8_t *)out == type ? ORDER_OK : ORDER_ETYPE);
}

static bool
pad_is_zero(const uint8_t *pad, size_t len)
{
	uint8_t any = 0;

	while (len-- > 0)
		any |= pad[len];
	return (any == 0);
}

enum order_err
report_ready_decode(const void *buf, size_t len, struct order_ready *out)
{
	enum order_err err;

	err = report_take(buf, len, out, sizeof(*out), ORDER_READY);
	if (err != ORDER_OK)
		return (err);
	if (!pad_is_zero(out->pad, sizeof(out->pad)))
		return (ORDER_EPAD);
	return (out->version == ORDER_VERSION ? ORDER_OK : ORDER_EVERSION);
}

enum order_err
report_refused_decode(const void *buf, size_t len, struct order_refused *out)
{
	enum order_err err;

	err = report_take(buf, len, out, sizeof(*out), ORDER_REFUSED);
	if (err != ORDER_OK)
		return (err);
	if (!pad_is_zero(out->pad, sizeof(out->pad)))
		return (ORDER_EPAD);
	return (out->code != ORDER_SENT && out->code < ORDER_CODE_COUNT ?
	    ORDER_OK : ORDER_EVALUE);
}

enum order_err
report_error_decode(const void *buf, size_t len, struct order_error *out)
{
	enum order_err err;

	err = report_take(buf, len, out, sizeof(*out), ORDER_ERROR);
	if (err != ORDER_OK)
		return (err);
	if (!pad_is_zero(out->pad, sizeof(out->pad)))
		return (ORDER_EPAD);
	return (out->why >= ORDER_END_EOF && out->why < ORDER_END_LIMIT ?
	    ORDER_OK : ORDER_EVALUE);
}
