/* What the writer of a wrong rule most likely meant. */
#include "hint.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../dns/name.h"
#include "addrtext.h"

#define HOST_SHOWN	84	/* octets of a URL's host that fit, with NUL */

static bool __attribute__((format(printf, 3, 4)))
meant(struct parse_error *error, size_t at, const char *fmt, ...)
{
	va_list ap;

	error->at = at;
	va_start(ap, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, ap);
	va_end(ap);
	return (true);
}

static bool
is_word(const char *text, size_t len, const char *word)
{
	return (strlen(word) == len && strncasecmp(text, word, len) == 0);
}

/* The prefix length of a netmask, or -1. */
static int
netmask_prefix(const struct addr *mask)
{
	struct addr ones;
	int prefix;

	for (prefix = 0; prefix <= 32; prefix++) {
		ones = (struct addr){ .family = ADDR_V4,
		    .bytes = { 255, 255, 255, 255 } };
		addr_mask(&ones, (unsigned int)prefix);
		if (addr_equal(&ones, mask))
			return (prefix);
	}
	return (-1);
}

bool
hint_client(const struct lex_line *line, size_t at, size_t len,
    struct parse_error *error)
{
	const char *word = line->text + at, *slash = memchr(word, '/', len);
	struct addr base, mask;
	size_t net_len;
	int prefix;

	if (is_word(word, len, "*") || is_word(word, len, "any") ||
	    is_word(word, len, "all"))
		return (meant(error, at, "expected an address or a subnet: "
		    "\"%.*s\" is 0.0.0.0/0 and ::/0", (int)len, word));
	if (slash == NULL)
		return (false);
	net_len = (size_t)(slash - word);
	at += net_len + 1;
	if (addr_parse(word, net_len, &base) == -1 || base.family != ADDR_V4 ||
	    addr_parse(slash + 1, len - net_len - 1, &mask) == -1 ||
	    mask.family != ADDR_V4)
		return (false);
	if ((prefix = netmask_prefix(&mask)) == -1)
		return (meant(error, at, "expected a prefix length (0-32), "
		    "not a mask"));
	return (meant(error, at, "expected a prefix length, not a netmask: "
	    "%d", prefix));
}

/* How long a part before ":", "/" or "?" is, or 0 if it is no name to show. */
static size_t
host_len(const char *text, size_t len)
{
	struct dns_name name;
	size_t n = 0, bad;

	while (n < len && memchr("/:?", text[n], 3) == NULL)
		n++;
	if (n == 0 || n >= HOST_SHOWN ||
	    dns_name_parse(text, n, &name, &bad) != DNS_OK)
		return (0);
	return (n);
}

/* "https://example.com/": text is behind the slashes. */
static bool
hint_url(const char *text, size_t len, size_t at, struct parse_error *error)
{
	size_t n = host_len(text, len);

	if (n == 0)
		return (meant(error, at, "expected a domain name, not a URL"));
	return (meant(error, at, "expected a domain name, not a URL: \"%.*s\"",
	    (int)n, text));
}

bool
hint_target(const struct lex_line *line, size_t at, size_t len,
    struct parse_error *error)
{
	const char *text = line->text + at, *url;
	struct addr_net net;
	size_t n = len;

	url = memmem(text, len, "://", 3);
	if (url != NULL)
		return (hint_url(url + 3, len - (size_t)(url + 3 - text), at,
		    error));
	/* Alone, or before ":PROTOCOL:PORT". */
	for (; n > 0; n--) {
		if ((n == len || text[n] == ':') &&
		    addr_net_parse(text, n, &net) != -1)
			return (meant(error, at, "expected a domain name, not "
			    "an address"));
	}
	if ((n = host_len(text, len)) > 0 && n < len && text[n] == '/')
		return (meant(error, at + n, "expected a domain name, not a "
		    "URL: \"%.*s\"", (int)n, text));
	/* ".example.com", as other programs write "*.example.com". */
	if (len > 1 && text[0] == '.' &&
	    (n = host_len(text + 1, len - 1)) > 0)
		return (meant(error, at, "empty label in a name: all names "
		    "below are \"*.%.*s\"", (int)n, text + 1));
	return (false);
}

bool
hint_port(const struct lex_line *line, size_t at, size_t len,
    struct parse_error *error)
{
	static const struct {
		const char	*name;
		unsigned int	 port;
	} services[] = {
		{ "ftp", 21 }, { "ssh", 22 }, { "smtp", 25 }, { "domain", 53 },
		{ "dns", 53 }, { "http", 80 }, { "pop3", 110 }, { "ntp", 123 },
		{ "imap", 143 }, { "ldap", 389 }, { "https", 443 },
		{ "submissions", 465 }, { "smtps", 465 }, { "submission", 587 },
		{ "ldaps", 636 }, { "imaps", 993 }, { "pop3s", 995 },
		{ "mqtt", 1883 }, { "rdp", 3389 }, { "postgresql", 5432 },
		{ "secure-mqtt", 8883 }, { "mqtts", 8883 },
	};
	const char *text = line->text + at;
	size_t i;

	for (i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (is_word(text, len, services[i].name))
			return (meant(error, at, "expected a port number: "
			    "\"%s\" is %u", services[i].name,
			    services[i].port));
	}
	if (len > 0 && isalpha((unsigned char)text[0]))
		return (meant(error, at, "expected a port number (1-65535), "
		    "not a name"));
	return (false);
}
