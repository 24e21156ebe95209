/* What a rule of nft looks at, and with what it compares it. */
#include "nftfield.h"

#include <netinet/in.h>

#include <string.h>

#include "word.h"

static bool
is(const json_t *text, const char *wanted)
{
	return (json_is_string(text) &&
	    strcmp(json_string_value(text), wanted) == 0);
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return (text == NULL ? "" : text);
}

/* --- the left side --- */

static struct nftfield
read_meta(const char *key)
{
	static const struct {
		const char	*key;
		enum model_what	what;
	} keys[] = { { "iifname", MODEL_IIF }, { "iif", MODEL_IIF },
	    { "oifname", MODEL_OIF }, { "oif", MODEL_OIF },
	    { "nfproto", MODEL_FAMILY }, { "protocol", MODEL_FAMILY },
	    { "l4proto", MODEL_PROTO }, { "time", MODEL_SOME },
	    { "hour", MODEL_SOME }, { "day", MODEL_SOME },
	    { "length", MODEL_SOME }, { "random", MODEL_SOME } };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(keys[i].key, key) == 0)
			return ((struct nftfield){ .what = keys[i].what });
	/* What is forwarded has no owner. */
	if (strcmp(key, "skuid") == 0 || strcmp(key, "skgid") == 0)
		return ((struct nftfield){ .what = MODEL_ALWAYS,
		    .known = "" });
	return ((struct nftfield){ .what = MODEL_UNKNOWN });
}

static struct nftfield
read_ip(const char *protocol, const char *name)
{
	struct nftfield f = { .what = MODEL_SOME,
	    .family = strcmp(protocol, "ip") == 0 ? ADDR_V4 : ADDR_V6 };

	if (strcmp(name, "saddr") == 0)
		f.what = MODEL_SADDR;
	else if (strcmp(name, "daddr") == 0)
		f.what = MODEL_DADDR;
	else if (strcmp(name, "protocol") == 0 || strcmp(name, "nexthdr") == 0)
		f.what = MODEL_PROTO;
	return (f);
}

static struct nftfield
read_payload(const json_t *payload)
{
	const char *protocol = text_of(payload, "protocol");
	const char *name = text_of(payload, "field");
	struct nftfield f = { .what = MODEL_UNKNOWN };

	if (strcmp(protocol, "ip") == 0 || strcmp(protocol, "ip6") == 0)
		return (read_ip(protocol, name));
	/* A client has the address that it likes. */
	if (strcmp(protocol, "ether") == 0)
		f.what = MODEL_SOME;
	if (strcmp(protocol, "th") != 0 &&
	    !word_protocol(protocol, &f.proto))
		return (f);
	f.what = strcmp(name, "dport") == 0 ? MODEL_DPORT : MODEL_SOME;
	return (f);
}

static struct nftfield
read_ct(const json_t *ct)
{
	const char *key = text_of(ct, "key");

	if (strcmp(key, "state") == 0)
		return ((struct nftfield){ .what = MODEL_STATE });
	if (strcmp(key, "direction") == 0)
		return ((struct nftfield){ .what = MODEL_ALWAYS,
		    .known = "original" });
	/* "dnat" is what a packet can be before it is answered. */
	if (strcmp(key, "status") == 0)
		return ((struct nftfield){ .what = MODEL_SENT,
		    .known = "dnat" });
	if (strcmp(key, "helper") == 0)
		return ((struct nftfield){ .what = MODEL_ALWAYS,
		    .known = "" });
	return ((struct nftfield){ .what = MODEL_UNKNOWN });
}

static struct nftfield
read_fib(const json_t *fib)
{
	const char *result = text_of(fib, "result");

	/* Neither end is this host, and the way back is there. */
	if (strcmp(result, "type") == 0)
		return ((struct nftfield){ .what = MODEL_ALWAYS,
		    .known = "unicast" });
	return ((struct nftfield){ .what = MODEL_ALWAYS, .known = "true" });
}

uint32_t
nftfield_flags(const json_t *flags)
{
	static const char *const names[] = { "fin", "syn", "rst", "psh", "ack",
	    "urg", "ecn", "cwr" };
	uint32_t found = 0;
	size_t i;

	if (json_is_array(flags)) {
		for (i = 0; i < json_array_size(flags); i++)
			found |= nftfield_flags(json_array_get(flags, i));
		return (found);
	}
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is(flags, names[i]))
			found |= 1U << i;
	return (found);
}

/* Are they all names of TCP's flags? */
static bool
are_flags(const json_t *flags)
{
	size_t i;

	for (i = 0; i < json_array_size(flags); i++)
		if (!are_flags(json_array_get(flags, i)))
			return (false);
	return (json_is_array(flags) || nftfield_flags(flags) != 0);
}

static struct nftfield
read_masked(const json_t *both)
{
	const json_t *payload = json_object_get(json_array_get(both, 0),
	    "payload");

	if (!is(json_object_get(payload, "protocol"), "tcp") ||
	    !is(json_object_get(payload, "field"), "flags") ||
	    !are_flags(json_array_get(both, 1)))
		return ((struct nftfield){ .what = MODEL_UNKNOWN });
	return ((struct nftfield){ .what = MODEL_ALWAYS, .known = "flags",
	    .proto = IPPROTO_TCP, .mask = nftfield_flags(json_array_get(both,
	    1)) });
}

struct nftfield
nftfield_read(const json_t *left)
{
	const json_t *one;

	if ((one = json_object_get(left, "meta")) != NULL)
		return (read_meta(text_of(one, "key")));
	if ((one = json_object_get(left, "payload")) != NULL)
		return (read_payload(one));
	if ((one = json_object_get(left, "ct")) != NULL)
		return (read_ct(one));
	if ((one = json_object_get(left, "fib")) != NULL)
		return (read_fib(one));
	if ((one = json_object_get(left, "&")) != NULL)
		return (read_masked(one));
	if (json_object_get(left, "numgen") != NULL)
		return ((struct nftfield){ .what = MODEL_SOME });
	return ((struct nftfield){ .what = MODEL_UNKNOWN });
}

/* --- the right side --- */

static bool
read_number(const struct nftfield *f, const json_t *j, uint32_t *out)
{
	const char *text = json_string_value(j);

	if (json_is_integer(j)) {
		*out = (uint32_t)json_integer_value(j);
		return (json_integer_value(j) >= 0);
	}
	if (text == NULL)
		return (false);
	if (f->what == MODEL_PROTO)
		return (word_protocol(text, out));
	if (f->what == MODEL_STATE) {
		*out = word_state(text);
		return (true);
	}
	if (f->what != MODEL_FAMILY)
		return (word_number(text, 65535, out));
	*out = strcmp(text, "ipv4") == 0 || strcmp(text, "ip") == 0 ? ADDR_V4 :
	    strcmp(text, "ipv6") == 0 || strcmp(text, "ip6") == 0 ? ADDR_V6 :
	    0;
	return (true);
}

static bool
read_prefix(const json_t *prefix, struct model_value *v)
{
	char text[80];

	snprintf(text, sizeof(text), "%.60s/%d", text_of(prefix, "addr"),
	    (int)json_integer_value(json_object_get(prefix, "len")));
	return (word_addresses(text, v));
}

static bool
read_range(const struct nftfield *f, const json_t *range,
    struct model_value *v)
{
	const json_t *low = json_array_get(range, 0);
	const json_t *high = json_array_get(range, 1);
	char text[128];

	if (f->what != MODEL_SADDR && f->what != MODEL_DADDR)
		return (read_number(f, low, &v->low) &&
		    read_number(f, high, &v->high));
	if (!json_is_string(low) || !json_is_string(high))
		return (false);
	snprintf(text, sizeof(text), "%.60s-%.60s", json_string_value(low),
	    json_string_value(high));
	return (word_addresses(text, v));
}

/* "*" is all, besides what other elements are for. */
static bool
read_all(const struct nftfield *f, struct model_value *v)
{
	v->high = UINT32_MAX;
	v->from.family = v->to.family = f->family;
	memset(v->to.bytes, 0xff, addr_len(f->family));
	v->name[0] = '*';
	return (true);
}

static bool
read_single(const struct nftfield *f, const json_t *j, struct model_value *v)
{
	const char *text = json_string_value(j);

	if (is(j, "*"))
		return (read_all(f, v));
	switch (f->what) {
	case MODEL_IIF:
	case MODEL_OIF:
		if (text != NULL)
			word_interface(text, v);
		return (text != NULL);
	case MODEL_SADDR:
	case MODEL_DADDR:
		return (text != NULL && word_addresses(text, v));
	case MODEL_FAMILY:
	case MODEL_PROTO:
	case MODEL_DPORT:
	case MODEL_STATE:
		v->high = 0;
		if (!read_number(f, j, &v->low))
			return (false);
		v->high = v->low;
		return (true);
	case MODEL_ALWAYS:
	case MODEL_SENT:
	case MODEL_SOME:
	case MODEL_GRANTS:
	case MODEL_UNKNOWN:
		break;
	}
	return (true);
}

static bool
add_all(struct model *m, const struct nftfield *f, const json_t *array,
    struct model_match *match)
{
	size_t i;

	for (i = 0; i < json_array_size(array); i++)
		if (!nftfield_value(m, f, json_array_get(array, i), match))
			return (false);
	return (true);
}

bool
nftfield_value(struct model *m, const struct nftfield *f, const json_t *right,
    struct model_match *match)
{
	const json_t *one;
	struct model_value v = { .low = 0 };
	bool ok;

	if ((one = json_object_get(right, "elem")) != NULL)
		return (nftfield_value(m, f, json_object_get(one, "val"),
		    match));
	if ((one = json_object_get(right, "set")) != NULL)
		return (add_all(m, f, one, match));
	if (json_is_array(right))
		return (add_all(m, f, right, match));
	if ((one = json_object_get(right, "prefix")) != NULL)
		ok = read_prefix(one, &v);
	else if ((one = json_object_get(right, "range")) != NULL)
		ok = read_range(f, one, &v);
	else
		ok = !json_is_object(right) && read_single(f, right, &v);
	if (ok)
		model_value(m, match, &v);
	return (ok && match->what != MODEL_UNKNOWN);
}

size_t
nftfield_implied(struct model *m, const struct nftfield *f,
    struct model_match out[2])
{
	struct model_value v = { .low = f->proto, .high = f->proto };
	size_t n = 0;

	if (f->proto != 0) {
		out[n] = (struct model_match){ .what = MODEL_PROTO };
		model_value(m, &out[n++], &v);
	}
	if (f->family != 0) {
		v.low = v.high = f->family;
		out[n] = (struct model_match){ .what = MODEL_FAMILY };
		model_value(m, &out[n++], &v);
	}
	return (n);
}
