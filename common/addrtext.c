/* Addresses from text and sockaddrs, and back; what they are. */
#include "addrtext.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string.h>

/* ::ffff:0:0/96 */
static const struct addr_net mapped = {
	.base = { .family = ADDR_V6, .bytes = { [10] = 0xff, [11] = 0xff } },
	.prefix = 96
};

int
addr_parse(const char *text, size_t len, struct addr *out)
{
	char copy[ADDR_TEXT_MAX];

	memset(out, 0, sizeof(*out));
	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len) != NULL)
		return (-1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, out->bytes) == 1)
		out->family = ADDR_V4;
	else if (inet_pton(AF_INET6, copy, out->bytes) == 1)
		out->family = ADDR_V6;
	else
		return (-1);
	return (0);
}

/* A prefix length: one to three digits, no sign, no leading zero. */
static int
prefix_parse(const char *text, size_t len, unsigned int max, uint8_t *out)
{
	unsigned int v;
	size_t i;

	if (len == 0 || len > 3 || (len > 1 && text[0] == '0'))
		return (-1);
	for (v = 0, i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return (-1);
		v = v * 10 + (unsigned int)(text[i] - '0');
	}
	if (v > max)
		return (-1);
	*out = (uint8_t)v;
	return (0);
}

int
addr_net_parse(const char *text, size_t len, struct addr_net *out)
{
	const char *slash;
	size_t alen;
	unsigned int max;

	slash = memchr(text, '/', len);
	alen = slash == NULL ? len : (size_t)(slash - text);
	if (addr_parse(text, alen, &out->base) == -1)
		return (-1);
	max = (unsigned int)addr_len(out->base.family) * 8;
	out->prefix = (uint8_t)max;
	if (slash != NULL && prefix_parse(slash + 1, len - alen - 1, max,
	    &out->prefix) == -1)
		return (-1);
	addr_mask(&out->base, out->prefix);
	if (out->prefix >= mapped.prefix && addr_in_net(&out->base, &mapped)) {
		addr_unmap(&out->base);
		out->prefix = (uint8_t)(out->prefix - mapped.prefix);
	} else if (out->prefix != 0 && addr_in_net(&mapped.base, out))
		return (ADDR_MAPPED);
	return (0);
}

void
addr_unmap(struct addr *a)
{
	if (a->family != ADDR_V6 || memcmp(a->bytes, mapped.base.bytes,
	    mapped.prefix / 8) != 0)
		return;
	a->family = ADDR_V4;
	memmove(a->bytes, a->bytes + 12, 4);
	memset(a->bytes + 4, 0, 12);
}

const char *
addr_print(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	if (addr_len(a->family) == 0 || inet_ntop(a->family == ADDR_V4 ?
	    AF_INET : AF_INET6, a->bytes, buf, ADDR_TEXT_MAX) == NULL)
		memcpy(buf, "?", 2);
	return (buf);
}

bool
addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (a->family == ADDR_V4)
		return (a->bytes[0] == 127);
	return (a->family == ADDR_V6 && memcmp(a->bytes, one, 16) == 0);
}

bool
addr_is_link_local6(const struct addr *a)
{
	return (a->family == ADDR_V6 && a->bytes[0] == 0xfe &&
	    (a->bytes[1] & 0xc0) == 0x80);
}

int
addr_from_sockaddr(const struct sockaddr *sa, struct addr *out, uint16_t *port)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		out->family = ADDR_V4;
		memcpy(out->bytes, &in.sin_addr, 4);
		if (port != NULL)
			*port = ntohs(in.sin_port);
		return (0);
	}
	if (sa->sa_family != AF_INET6)
		return (-1);
	memcpy(&in6, sa, sizeof(in6));
	if (port != NULL)
		*port = ntohs(in6.sin6_port);
	out->family = ADDR_V6;
	memcpy(out->bytes, &in6.sin6_addr, 16);
	addr_unmap(out);
	return (0);
}

socklen_t
addr_to_sockaddr(const struct addr *a, uint16_t port, uint32_t scope,
    struct sockaddr_storage *ss)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memset(ss, 0, sizeof(*ss));
	if (a->family == ADDR_V4) {
		in.sin_port = htons(port);
		memcpy(&in.sin_addr, a->bytes, 4);
		memcpy(ss, &in, sizeof(in));
		return (sizeof(in));
	}
	in6.sin6_port = htons(port);
	in6.sin6_scope_id = scope;
	memcpy(&in6.sin6_addr, a->bytes, 16);
	memcpy(ss, &in6, sizeof(in6));
	return (sizeof(in6));
}
