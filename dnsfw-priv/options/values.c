/* The values of options. */
#include "values.h"

#include <linux/netfilter.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool __attribute__((format(printf, 2, 3)))
expected(char why[VALUE_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, VALUE_WHY_MAX, fmt, ap);
	va_end(ap);
	return (false);
}

bool
value_text(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	if (strlen(value) >= rule->max)
		return (expected(why, "at most %u octets", rule->max - 1));
	memcpy(field, value, strlen(value) + 1);
	return (true);
}

bool
value_number(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; isdigit((unsigned char)value[i]) && i < 10; i++)
		v = v * 10 + (uint64_t)(value[i] - '0');
	if (i == 0 || value[i] != '\0' || v < rule->min || v > rule->max)
		return (expected(why, "a number from %u to %u", rule->min,
		    rule->max));
	*(uint32_t *)field = (uint32_t)v;
	return (true);
}

/* The number of the word that value is, from 0, or -1 with why. */
static int
find_word(const char *words, const char *value, char why[VALUE_WHY_MAX])
{
	size_t at = 0, len;
	int i;

	why[0] = '\0';
	for (i = 0; *words != '\0'; i++) {
		len = strcspn(words, " ");
		if (strncasecmp(words, value, len) == 0 && value[len] == '\0')
			return (i);
		at += (size_t)snprintf(why + at, VALUE_WHY_MAX - at, "%s%.*s",
		    i == 0 ? "" : words[len] == '\0' ? " or " : ", ",
		    (int)len, words);
		words += len + strspn(words + len, " ");
	}
	return (-1);
}

bool
value_word(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	int i = find_word(rule->words, value, why);

	if (i != -1)
		*(uint8_t *)field = (uint8_t)(rule->min + (uint32_t)i);
	return (i != -1);
}

/*
 * The next element of a list, without the blanks around it; *list is NULL
 * after the last.
 */
static size_t
next_element(const char **list, const char **element)
{
	const char *p = *list;
	size_t len = strcspn(p, ",");

	*list = p[len] == ',' ? p + len + 1 : NULL;
	for (; len > 0 && isblank((unsigned char)*p); len--)
		p++;
	while (len > 0 && isblank((unsigned char)p[len - 1]))
		len--;
	*element = p;
	return (len);
}

/* ADDRESS:PORT or [ADDRESS]:PORT. */
static bool
has_port(const char *text, size_t len)
{
	struct addr a;
	size_t n = len;

	while (n > 0 && isdigit((unsigned char)text[n - 1]))
		n--;
	if (n == 0 || text[n - 1] != ':')
		return (false);
	n--;
	if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	return (addr_parse(text, n, &a) == 0);
}

/* ADDRESS or ADDRESS%ZONE of len octets. */
static bool
read_host(struct host *host, const char *text, size_t len,
    const char *port_option, char why[VALUE_WHY_MAX])
{
	const char *percent = memchr(text, '%', len);
	size_t alen = percent == NULL ? len : (size_t)(percent - text);

	if (has_port(text, len))
		return (expected(why, "the address alone: the port goes to %s",
		    port_option));
	if (addr_parse(text, alen, &host->addr) == -1)
		return (expected(why,
		    "IPv4 or IPv6 addresses, separated by commas"));
	addr_unmap(&host->addr);
	if (percent == NULL && addr_is_link_local6(&host->addr))
		return (expected(why, "%.*s%%INTERFACE: a link-local address "
		    "is one of an interface", (int)alen, text));
	if (percent == NULL)
		return (true);
	len -= alen + 1;
	if (!addr_is_link_local6(&host->addr) || len == 0 ||
	    len >= sizeof(host->zone))
		return (expected(why, "%%INTERFACE behind link-local addresses "
		    "alone (fe80::1%%eth0)"));
	memcpy(host->zone, percent + 1, len);
	return (true);
}

bool
value_hosts(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	struct hosts *hosts = field;
	const char *element;
	size_t len;

	do {
		len = next_element(&value, &element);
		if (hosts->n == rule->max)
			return (expected(why, "at most %u addresses",
			    rule->max));
		if (!read_host(&hosts->at[hosts->n], element, len, rule->words,
		    why))
			return (false);
		hosts->n++;
	} while (value != NULL);
	return (true);
}

bool
value_nets(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	struct msg_nets *nets = field;
	const char *element;
	size_t len;
	int r;

	(void)rule;
	do {
		len = next_element(&value, &element);
		if (nets->n == MSG_NETS_MAX)
			return (expected(why, "at most %u networks",
			    MSG_NETS_MAX));
		r = addr_net_parse(element, len, &nets->at[nets->n]);
		if (r == ADDR_MAPPED)
			return (expected(why, "IPv4 networks as such, not as "
			    "one around ::ffff:0:0/96"));
		if (r == -1)
			return (expected(why, "ADDRESS or ADDRESS/PREFIX, "
			    "separated by commas"));
		nets->n++;
	} while (value != NULL);
	return (true);
}

/* What both iptables and nft take as a name. */
static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	return (n > 0 && n < KEEPCONF_NAME_MAX &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n && s[0] != '-');
}

bool
value_chain(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	(void)rule;
	if (!is_name(value))
		return (expected(why, "the name of a chain (letters, digits, "
		    "'_', '.', '-')"));
	memcpy(field, value, strlen(value) + 1);
	return (true);
}

bool
value_socket(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	if (strcmp(value, "none") == 0)
		value = "";
	else if (value[0] != '/' || strlen(value) >= rule->max)
		return (expected(why, "none, or an absolute path of at most "
		    "%u octets", rule->max - 1));
	memcpy(field, value, strlen(value) + 1);
	return (true);
}

bool
value_table(void *field, const struct value_rule *rule, const char *value,
    char why[VALUE_WHY_MAX])
{
	static const struct {
		const char *prefix;
		uint8_t family;
	} families[] = {
		{ "inet ", NFPROTO_INET }, { "ip ", NFPROTO_IPV4 },
		{ "ip6 ", NFPROTO_IPV6 }
	};
	struct keepconf_table *table = field;
	size_t i, len;

	(void)rule;
	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		len = strlen(families[i].prefix);
		if (strncmp(value, families[i].prefix, len) != 0)
			continue;
		if (!is_name(value + len))
			break;
		table->family = families[i].family;
		memcpy(table->name, value + len, strlen(value + len) + 1);
		return (true);
	}
	return (expected(why, "\"inet NAME\", \"ip NAME\" or \"ip6 NAME\""));
}
