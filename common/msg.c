/* Decoders of the messages: copy first, then check every field of the copy. */
#include "msg.h"

#include <netinet/in.h>

#include <stdbool.h>
#include <string.h>

static const char *const msg_err_text[] = {
	[MSG_OK] = "no error",
	[MSG_ESIZE] = "wrong size",
	[MSG_ETYPE] = "unknown or unexpected type",
	[MSG_EPAD] = "reserved bits set",
	[MSG_EFAMILY] = "bad address family",
	[MSG_EADDR] = "bad address bytes or prefix",
	[MSG_EPROTO] = "bad protocol",
	[MSG_EPORT] = "bad port",
	[MSG_ETTL] = "TTL out of range",
	[MSG_ELABEL] = "bad label",
	[MSG_ETEXT] = "bad text",
	[MSG_EVALUE] = "field out of range",
	[MSG_EVERSION] = "version mismatch",
};
static_assert(sizeof(msg_err_text) / sizeof(msg_err_text[0]) == MSG_ERR_COUNT,
    "a text for each error");

static const char *const result_text[] = {
	[RESULT_OK] = "granted",
	[RESULT_FORBIDDEN] = "destination is never granted",
	[RESULT_OUTSIDE] = "outside of the policy",
	[RESULT_FULL] = "too many grants",
	[RESULT_FAILED] = "Firewall configuration failed",
	[RESULT_STALE] = "the policy has changed",
};
static_assert(sizeof(result_text) / sizeof(result_text[0]) == RESULT_COUNT,
    "a text for each code");

const char *
msg_strerror(enum msg_err err)
{
	return (err < MSG_ERR_COUNT ? msg_err_text[err] : "unknown error");
}

const char *
msg_result_text(enum msg_result_code code)
{
	return (code < RESULT_COUNT ? result_text[code] : "unknown result");
}

uint32_t
msg_lifetime(uint32_t ttl, uint32_t min, uint32_t max)
{
	if (ttl < min)
		ttl = min;
	return (ttl > max ? max : ttl);
}

uint32_t
msg_grace(uint32_t lifetime, uint32_t max)
{
	return (max - lifetime < GRANT_GRACE ? max - lifetime : GRANT_GRACE);
}

static bool
is_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++) {
		if (b[i] != 0)
			return (false);
	}
	return (true);
}

/* Size and type: the same first step of every decoder. */
static enum msg_err
msg_take(const void *buf, size_t len, void *out, size_t size, enum msg_type type)
{
	if (len != size)
		return (MSG_ESIZE);
	memcpy(out, buf, size);
	/* The type is the first byte of every message. */
	return (*(const uint8_t *)out == type ? MSG_OK : MSG_ETYPE);
}

/* The bytes that the family does not use must be zero. */
static enum msg_err
check_addr(uint8_t family, const uint8_t bytes[16])
{
	if (family != ADDR_V4 && family != ADDR_V6)
		return (MSG_EFAMILY);
	if (family == ADDR_V4 && !is_zero(bytes + 4, 12))
		return (MSG_EADDR);
	return (MSG_OK);
}

static enum msg_err
check_net(uint8_t family, uint8_t prefix, const uint8_t base[16])
{
	struct addr a = { .family = family };
	enum msg_err err;

	if ((err = check_addr(family, base)) != MSG_OK)
		return (err);
	if (prefix > addr_len(family) * 8)
		return (MSG_EADDR);
	memcpy(a.bytes, base, 16);
	addr_mask(&a, prefix);
	return (memcmp(a.bytes, base, 16) == 0 ? MSG_OK : MSG_EADDR);
}

/* At least one byte of [a-z0-9] and marks, then only NULs, at least one. */
static enum msg_err
check_name(const char *name, size_t size, const char *marks)
{
	size_t n;

	for (n = 0; n < size && name[n] != '\0'; n++) {
		if (!(name[n] >= 'a' && name[n] <= 'z') &&
		    !(name[n] >= '0' && name[n] <= '9') &&
		    strchr(marks, name[n]) == NULL)
			return (MSG_ELABEL);
	}
	return (n > 0 && n < size && is_zero(name + n, size - n) ? MSG_OK :
	    MSG_ELABEL);
}

static enum msg_err
check_label(const char label[MSG_LABEL_SIZE])
{
	return (check_name(label, MSG_LABEL_SIZE, "._*-"));
}

/* local 1: this host, without an address (G5). */
static enum msg_err
check_client(uint8_t family, uint8_t local, const uint8_t client[16])
{
	if (local > 1)
		return (MSG_EVALUE);
	if (local == 1 && !is_zero(client, 16))
		return (MSG_EADDR);
	return (check_addr(family, client));
}

static enum msg_err
check_flow(uint8_t proto, uint16_t port)
{
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return (MSG_EPROTO);
	return (port != 0 ? MSG_OK : MSG_EPORT);
}

enum msg_err
msg_ready_decode(const void *buf, size_t len, struct msg_ready *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_READY)) != MSG_OK)
		return (err);
	if (!is_zero(out->pad, sizeof(out->pad)))
		return (MSG_EPAD);
	return (out->version == MSG_VERSION ? MSG_OK : MSG_EVERSION);
}

enum msg_err
msg_grant_decode(const void *buf, size_t len, struct msg_grant *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_GRANT)) != MSG_OK)
		return (err);
	if ((err = check_client(out->family, out->local, out->client)) !=
	    MSG_OK || (err = check_addr(out->family, out->dst)) != MSG_OK ||
	    (err = check_flow(out->proto, out->port)) != MSG_OK)
		return (err);
	if (out->ttl > MSG_TTL_MAX)
		return (MSG_ETTL);
	return (check_label(out->label));
}

enum msg_err
msg_result_decode(const void *buf, size_t len, struct msg_result *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_RESULT)) != MSG_OK)
		return (err);
	if (out->pad != 0)
		return (MSG_EPAD);
	if (out->code >= RESULT_COUNT ||
	    (out->code == RESULT_OK) != (out->expiry != 0))
		return (MSG_EVALUE);
	return (MSG_OK);
}

enum msg_err
msg_sealed_decode(const void *buf, size_t len, struct msg_sealed *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_SEALED)) != MSG_OK)
		return (err);
	if (!is_zero(out->pad, sizeof(out->pad)) ||
	    !is_zero(out->pad2, sizeof(out->pad2)))
		return (MSG_EPAD);
	if (out->size == 0 || out->size > IMAGE_SIZE_MAX)
		return (MSG_EVALUE);
	return (MSG_OK);
}

enum msg_err
msg_host_decode(const void *buf, size_t len, struct msg_host *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_HOST)) != MSG_OK)
		return (err);
	if (out->pad != 0)
		return (MSG_EPAD);
	if (out->host >= MSG_HOSTS_MAX)
		return (MSG_EVALUE);
	if ((err = check_net(out->family, out->prefix, out->base)) != MSG_OK)
		return (err);
	return (out->prefix == addr_len(out->family) * 8 ||
	    (out->family == ADDR_V6 && out->prefix == MSG_HOST_NET) ?
	    MSG_OK : MSG_EADDR);
}

enum msg_err
msg_policy_decode(const void *buf, size_t len, struct msg_policy *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_POLICY)) != MSG_OK)
		return (err);
	if (!is_zero(out->pad, sizeof(out->pad)) ||
	    (out->families & ~(MSG_FAMILY_V4 | MSG_FAMILY_V6)) != 0)
		return (MSG_EPAD);
	if (out->size == 0 || out->size > IMAGE_SIZE_MAX)
		return (MSG_EVALUE);
	return (MSG_OK);
}

enum msg_err
msg_own_decode(const void *buf, size_t len, struct msg_own *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_OWN)) != MSG_OK)
		return (err);
	if (is_zero(&out->family, sizeof(*out) - 1))
		return (MSG_OK);
	if ((err = check_addr(out->family, out->local)) != MSG_OK ||
	    (err = check_addr(out->family, out->broadcast)) != MSG_OK)
		return (err);
	return (check_net(out->family, out->prefix, out->network));
}

enum msg_err
msg_plain_decode(const void *buf, size_t len, enum msg_type type,
    struct msg_plain *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), type)) != MSG_OK)
		return (err);
	return (is_zero(out->pad, sizeof(out->pad)) ? MSG_OK : MSG_EPAD);
}

enum msg_err
msg_check_decode(const void *buf, size_t len, struct msg_check *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_CHECK)) != MSG_OK)
		return (err);
	if (out->pad != 0)
		return (MSG_EPAD);
	if ((err = check_client(out->family, out->local, out->client)) !=
	    MSG_OK || (err = check_flow(out->proto, out->port)) != MSG_OK)
		return (err);
	return (check_label(out->label));
}

enum msg_err
msg_checked_decode(const void *buf, size_t len, struct msg_checked *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_CHECKED)) != MSG_OK)
		return (err);
	if (out->pad != 0)
		return (MSG_EPAD);
	return (out->keep <= 1 ? MSG_OK : MSG_EVALUE);
}

/* Printable ASCII from the given character on, then only NULs, at least one. */
static enum msg_err
check_text(const char *text, size_t size, char least)
{
	size_t n;

	for (n = 0; n < size && text[n] != '\0'; n++)
		if (text[n] < least || text[n] > '~')
			return (MSG_ETEXT);
	return (n < size && is_zero(text + n, size - n) ? MSG_OK : MSG_ETEXT);
}

enum msg_err
msg_refusal_decode(const void *buf, size_t len, struct msg_refusal *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_REFUSAL)) != MSG_OK)
		return (err);
	if (out->pad != 0 || out->pad2 != 0)
		return (MSG_EPAD);
	if (out->kind >= REFUSAL_KINDS || out->count == 0 ||
	    (out->name[0] == '\0' && out->qtype != 0))
		return (MSG_EVALUE);
	if ((err = check_addr(out->family, out->client)) != MSG_OK ||
	    (err = check_text(out->name, MSG_NAME_SIZE, '!')) != MSG_OK)
		return (err);
	return (out->reason[0] != '\0' ?
	    check_text(out->reason, MSG_REASON_SIZE, ' ') : MSG_ETEXT);
}

enum msg_err
msg_hits_decode(const void *buf, size_t len, struct msg_hits *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_HITS)) != MSG_OK)
		return (err);
	if (out->pad != 0)
		return (MSG_EPAD);
	return (out->line != 0 && out->line <= MSG_LINES_MAX &&
	    out->count != 0 ? MSG_OK : MSG_EVALUE);
}

enum msg_err
msg_counters_decode(const void *buf, size_t len, struct msg_counters *out)
{
	enum msg_err err;
	size_t i;

	err = msg_take(buf, len, out, sizeof(*out), MSG_COUNTERS);
	for (i = 0; err == MSG_OK && i < sizeof(out->pad); i++)
		if (out->pad[i] != 0)
			err = MSG_EPAD;
	return (err);
}

enum msg_err
msg_seen_decode(const void *buf, size_t len, struct msg_seen *out)
{
	enum msg_err err;
	size_t i;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_SEEN)) != MSG_OK)
		return (err);
	if (out->naddresses > MSG_SEEN_ADDRESSES || out->other > 1)
		return (MSG_EVALUE);
	if ((err = check_addr(out->family, out->client)) != MSG_OK)
		return (err);
	for (i = 0; i < out->naddresses; i++)
		if ((err = check_addr(out->addresses[i].family,
		    out->addresses[i].bytes)) != MSG_OK)
			return (err);
	if (!is_zero(&out->addresses[i],
	    (MSG_SEEN_ADDRESSES - i) * sizeof(out->addresses[0])))
		return (MSG_EPAD);
	return (check_name(out->name, MSG_SEEN_NAME, "._-"));
}

static enum msg_err
check_upstreams(const struct msg_config *c)
{
	const struct msg_upstream *u;
	enum msg_err err;
	size_t i;

	if (c->nupstreams == 0 || c->nupstreams > MSG_UPSTREAMS_MAX)
		return (MSG_EVALUE);
	for (i = 0; i < c->nupstreams; i++) {
		u = &c->upstreams[i];
		if (u->pad != 0)
			return (MSG_EPAD);
		if (u->port == 0)
			return (MSG_EPORT);
		if ((err = check_addr(u->family, u->addr)) != MSG_OK)
			return (err);
		if (u->family == ADDR_V4 && u->scope != 0)
			return (MSG_EADDR);
	}
	return (MSG_OK);
}

static enum msg_err
check_nets(const struct msg_nets *nets)
{
	enum msg_err err;
	size_t i;

	if (nets->n > MSG_NETS_MAX)
		return (MSG_EVALUE);
	for (i = 0; i < nets->n; i++) {
		if ((err = check_net(nets->at[i].base.family,
		    nets->at[i].prefix, nets->at[i].base.bytes)) != MSG_OK)
			return (err);
	}
	return (MSG_OK);
}

enum msg_err
msg_config_decode(const void *buf, size_t len, struct msg_config *out)
{
	enum msg_err err;

	if ((err = msg_take(buf, len, out, sizeof(*out), MSG_CONFIG)) != MSG_OK)
		return (err);
	if (out->nbinds == 0 || out->nbinds > MSG_BINDS_MAX ||
	    out->randomize_case > 1 || out->upstream_tcp > 1 ||
	    out->family_filter > 1 || out->block_aliases > 1 ||
	    out->bypass_pass > 1 || out->audit > 1 ||
	    out->refuse_with > REFUSE_NODATA ||
	    out->log_format > LOGFORMAT_JSON ||
	    out->log_level > LOGLEVEL_NONE || out->firewall > 1 ||
	    out->timeout == 0 || out->max_connections == 0 ||
	    out->client_rate > MSG_CLIENT_RATE_MAX ||
	    out->nworkers == 0 || out->nworkers > MSG_WORKERS_MAX ||
	    out->number >= out->nworkers ||
	    out->min_rule_time == 0 ||
	    out->max_rule_time < out->min_rule_time ||
	    out->max_rule_time > MSG_TTL_MAX)
		return (MSG_EVALUE);
	if ((err = check_upstreams(out)) != MSG_OK ||
	    (err = check_nets(&out->client_nets)) != MSG_OK ||
	    (err = check_nets(&out->deny_nets)) != MSG_OK)
		return (err);
	return (check_nets(&out->allow_nets));
}
