/* One line of the ACL as a rule. */
#include "parse.h"

#include <netinet/in.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "addrtext.h"
#include "directive.h"
#include "hint.h"
#include "idn.h"
#include "parse_tail.h"

#define NAME_SHOWN	84	/* that an error has room for, with NUL */
#define PROTOCOL_SHOWN	16	/* octets of a wrong one that an error shows */

static int __attribute__((format(printf, 3, 4)))
wrong(struct parse_error *error, size_t at, const char *fmt, ...)
{
	va_list ap;

	error->at = at;
	va_start(ap, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, ap);
	va_end(ap);
	return (-1);
}

/* A group's name, which is a label, behind its "@". */
static int
parse_group(const struct lex_line *line, size_t at, size_t len,
    struct dns_name *name, struct parse_error *error)
{
	size_t bad;

	if (len < 2 || dns_name_parse(line->text + at + 1, len - 1, name,
	    &bad) != DNS_OK || name->labels != 1 ||
	    line->text[at + len - 1] == '.')
		return (wrong(error, at, "expected a group's name: letters, "
		    "digits, \"-\" and \"_\" behind \"@\", %d at most",
		    DNS_LABEL_MAX));
	return (0);
}

/* The len octets at offset at of the line: an address or a subnet. */
static int
parse_net(const struct lex_line *line, size_t at, size_t len,
    struct parse_rule *rule, struct parse_error *error)
{
	const char *word = line->text + at, *slash;
	struct addr base;
	int r;

	r = addr_net_parse(word, len, &rule->client);
	if (r == 0)
		return (0);
	if (hint_client(line, at, len, error))
		return (-1);
	slash = memchr(word, '/', len);
	if (slash == NULL || addr_parse(word, (size_t)(slash - word),
	    &base) == -1)
		return (wrong(error, at,
		    "expected a client: an IPv4 or IPv6 address or subnet"));
	at += (size_t)(slash - word) + 1;
	if (r == ADDR_MAPPED)
		return (wrong(error, at, "a subnet over ::ffff:0:0/96: IPv4 "
		    "clients are written as IPv4 subnets"));
	return (wrong(error, at, "prefix length must be 0-%zu",
	    addr_len(base.family) * 8));
}

static int
parse_client(const struct lex_line *line, const struct lex_token *token,
    struct parse_rule *rule, struct parse_error *error)
{
	rule->group.len = 0;
	rule->client_at = token->at;
	if (token->kind != LEX_WORD)
		return (wrong(error, token->at,
		    "expected a client: an address or a subnet"));
	if (line->text[token->at] == '@')
		return (parse_group(line, token->at, token->len, &rule->group,
		    error));
	return (parse_net(line, token->at, token->len, rule, error));
}

static int
parse_action(const struct lex_token *token, struct parse_rule *rule,
    struct parse_error *error)
{
	switch (token->kind) {
	case LEX_GRANT:
		rule->action = PARSE_GRANT;
		return (0);
	case LEX_RESOLVE:
		rule->action = PARSE_RESOLVE;
		return (0);
	case LEX_BLOCK:
		rule->action = PARSE_BLOCK;
		return (0);
	case LEX_END:
	case LEX_WORD:
	case LEX_EQUALS:
	case LEX_ADDS:
	case LEX_TEXT:
		break;
	}
	if (rule->group.len > 0)
		return (wrong(error, token->at, "expected \"=\" or \"+=\", or "
		    "\"->\", \"~>\" or \"-|\""));
	return (wrong(error, token->at, "expected \"->\", \"~>\" or \"-|\""));
}

/*
 * The name of len octets at text is not ASCII.  What should be there instead
 * is shown if it is known, and is a name.
 */
static int
wrong_encoding(struct parse_error *error, size_t at, const char *text,
    size_t len, bool wildcard)
{
	char ascii[NAME_SHOWN];
	struct dns_name name;
	size_t bad;

	if (!idn_to_ascii(text, len, ascii, sizeof(ascii)) ||
	    dns_name_parse(ascii, strlen(ascii), &name, &bad) != DNS_OK)
		return (wrong(error, at, "a name outside ASCII must be "
		    "written in its xn-- form"));
	return (wrong(error, at, "a name outside ASCII must be written as "
	    "\"%s%s\"", wildcard ? "*." : "", ascii));
}

/* Say what is wrong with the character that no name may have. */
static int
wrong_character(struct parse_error *error, size_t at, char c)
{
	if (c == '*')
		return (wrong(error, at, "\"*\" stands alone or as the whole "
		    "first label: \"*.example.com\""));
	return (wrong(error, at, "expected a letter, a digit, \"-\", \"_\" "
	    "or \".\" in a name"));
}

/* As in an address (RFC 1123 2.1): no name ends with such a label. */
static bool
ends_with_number(const struct dns_name *name)
{
	const uint8_t *label = name->wire, *next;
	size_t i;

	if (*label == 0)
		return (false);
	while (*(next = label + 1 + *label) != 0)
		label = next;
	for (i = 1; i <= *label && isdigit(label[i]); i++)
		;
	return (i > *label);
}

/* The len octets at offset at of the line: a name, *.name, or *. */
static int
parse_pattern(const struct lex_line *line, size_t at, size_t len,
    struct parse_rule *rule, struct parse_error *error)
{
	const char *text = line->text + at;
	size_t bad = 0;
	enum dns_err err;

	rule->pattern_at = at;
	rule->named = len > 0 && text[0] == '@';
	if (rule->named) {
		rule->wildcard = false;
		return (parse_group(line, at, len, &rule->name, error));
	}
	rule->wildcard = len > 0 && text[0] == '*' &&
	    (len == 1 || text[1] == '.');
	if (rule->wildcard && len == 1) {
		rule->name = (struct dns_name){ .len = 1 };
		return (0);
	}
	if (rule->wildcard) {
		at += 2;
		text += 2;
		len -= 2;
	}
	if (len == 0)
		return (wrong(error, at, "expected a domain name"));
	err = dns_name_parse(text, len, &rule->name, &bad);
	if (err == DNS_OK && ends_with_number(&rule->name))
		return (wrong(error, rule->pattern_at, "expected a domain "
		    "name, not an address: no name ends with a number"));
	if (err == DNS_OK)
		return (0);
	if (bad > len)
		bad = len;
	if (err == DNS_ECHAR && bad < len && (unsigned char)text[bad] >= 0x80)
		return (wrong_encoding(error, at + bad, text, len,
		    rule->wildcard));
	if (err == DNS_ECHAR && bad < len)
		return (wrong_character(error, at + bad, text[bad]));
	if (err == DNS_ELABEL)
		return (wrong(error, at + bad,
		    "label longer than %d octets", DNS_LABEL_MAX));
	if (err == DNS_ENAME)
		return (wrong(error, at + bad,
		    "name longer than %d octets", DNS_NAME_MAX));
	return (wrong(error, at + bad, "empty label in a name"));
}

static int
parse_protocol(const char *text, size_t at, size_t len,
    struct parse_rule *rule, struct parse_error *error)
{
	size_t i;

	if (len == 3 && strncasecmp(text, "TCP", len) == 0) {
		rule->proto = IPPROTO_TCP;
		return (0);
	}
	if (len == 3 && strncasecmp(text, "UDP", len) == 0) {
		rule->proto = IPPROTO_UDP;
		return (0);
	}
	if (len >= 4 && strncasecmp(text, "ICMP", 4) == 0)
		return (wrong(error, at, "expected TCP or UDP: ICMP is not "
		    "supported"));
	for (i = 0; i < len && isalnum((unsigned char)text[i]); i++)
		;
	if (i == 0 || i < len || len > PROTOCOL_SHOWN)
		return (wrong(error, at, "expected TCP or UDP"));
	return (wrong(error, at, "unknown protocol \"%.*s\": expected TCP or "
	    "UDP", (int)len, text));
}

/* The first octet from at on that is not blank, or end. */
static size_t
after_blanks(const struct lex_line *line, size_t at, size_t end)
{
	while (at < end && isblank((unsigned char)line->text[at]))
		at++;
	return (at);
}

/* The length from at to end without blanks at the end. */
static size_t
without_blanks(const struct lex_line *line, size_t at, size_t end)
{
	while (end > at && isblank((unsigned char)line->text[end - 1]))
		end--;
	return (end - at);
}

/* One port, of all that is there. */
static int
parse_port(const struct lex_line *line, size_t at, size_t len,
    unsigned int *port, struct parse_error *error)
{
	const char *text = line->text + at;
	size_t i;

	for (*port = 0, i = 0; i < len && *port <= UINT16_MAX; i++) {
		if (text[i] < '0' || text[i] > '9')
			break;
		*port = *port * 10 + (unsigned int)(text[i] - '0');
	}
	if (i < len && hint_port(line, at, len, error))
		return (-1);
	if (i < len || *port == 0 || *port > UINT16_MAX)
		return (wrong(error, at, "port must be 1-65535"));
	return (0);
}

bool
parse_has_port(const struct parse_rule *rule, unsigned int port)
{
	unsigned int i;

	for (i = 0; i < rule->nports && rule->ports[i] != port; i++)
		;
	return (i < rule->nports);
}

/* False: there are too many. */
static bool
note_port(struct parse_rule *rule, unsigned int port)
{
	if (parse_has_port(rule, port))
		return (true);
	if (rule->nports == PARSE_PORTS_MAX)
		return (false);
	rule->ports[rule->nports++] = (uint16_t)port;
	return (true);
}

/* PORT or PORT-PORT. */
static int
parse_range(const struct lex_line *line, size_t at, size_t len,
    struct parse_rule *rule, struct parse_error *error)
{
	const char *text = line->text + at, *dash = NULL;
	unsigned int port, last;
	size_t first;

	/* A service's name may have one, too. */
	if (len > 0 && isdigit((unsigned char)text[0]))
		dash = memchr(text, '-', len);
	first = dash == NULL ? len : (size_t)(dash - text);
	if (parse_port(line, at, first, &port, error) == -1)
		return (-1);
	last = port;
	if (dash != NULL && parse_port(line, at + first + 1, len - first - 1,
	    &last, error) == -1)
		return (-1);
	if (last < port)
		return (wrong(error, at, "a range of ports begins with the "
		    "lower one"));
	for (; port <= last; port++)
		if (!note_port(rule, port))
			return (wrong(error, at, "more than %d ports in a "
			    "rule: each is granted for each address",
			    PARSE_PORTS_MAX));
	return (0);
}

/* What is before the next comma, or the end; without blanks around it. */
static size_t
list_item(const struct lex_line *line, size_t *at, size_t end, size_t *len)
{
	const char *comma = memchr(line->text + *at, ',', end - *at);
	size_t stop = comma == NULL ? end : (size_t)(comma - line->text);

	*at = after_blanks(line, *at, stop);
	*len = without_blanks(line, *at, stop);
	return (stop + 1);
}

static int
parse_ports(const struct lex_line *line, size_t at, size_t end,
    struct parse_rule *rule, struct parse_error *error)
{
	size_t len, next;

	for (rule->nports = 0; at <= end; at = next) {
		next = list_item(line, &at, end, &len);
		if (parse_range(line, at, len, rule, error) == -1)
			return (-1);
	}
	return (0);
}

/* Blanks may be around these marks: make one token of the words there. */
static void
join_words(struct lex_line *line, struct lex_token *token, const char *marks)
{
	struct lex_token next;
	size_t at = line->at;

	for (lex_next(line, &next); next.kind == LEX_WORD &&
	    (strchr(marks, line->text[token->at + token->len - 1]) != NULL ||
	    strchr(marks, line->text[next.at]) != NULL);
	    lex_next(line, &next)) {
		token->len = next.at + next.len - token->at;
		at = line->at;
	}
	line->at = at;
}

/* :PROTOCOL:PORTS from offset at to end. */
static int
parse_grant(const struct lex_line *line, size_t at, size_t end,
    struct parse_rule *rule, struct parse_error *error)
{
	const char *colon;
	size_t stop;

	if (at == end)
		return (wrong(error, at, "expected \":PROTOCOL:PORT\" after "
		    "the name (only \"~>\" and \"-|\" go without)"));
	at = after_blanks(line, at + 1, end);
	colon = memchr(line->text + at, ':', end - at);
	stop = colon == NULL ? end : (size_t)(colon - line->text);
	if (parse_protocol(line->text + at, at,
	    without_blanks(line, at, stop), rule, error) == -1)
		return (-1);
	if (stop == end)
		return (wrong(error, end, "expected \":PORT\" (1-65535)"));
	return (parse_ports(line, stop + 1, end, rule, error));
}

/* The pattern at next_at. */
static int
parse_name(const struct lex_line *line, struct parse_rule *rule,
    struct parse_error *error)
{
	size_t at = rule->next_at, len;

	rule->next_at = list_item(line, &at, rule->names_end, &len);
	return (parse_pattern(line, at, len, rule, error));
}

bool
parse_next_name(const struct lex_line *line, struct parse_rule *rule)
{
	struct parse_error error;

	return (rule->next_at <= rule->names_end &&
	    parse_name(line, rule, &error) == 0);
}

/* All of them are names; the first is what the rule is left with. */
static int
parse_names(const struct lex_line *line, size_t at, size_t end,
    struct parse_rule *rule, struct parse_error *error)
{
	unsigned int n = 0;

	rule->next_at = at;
	rule->names_end = end;
	for (; rule->next_at <= end; n++)
		if (parse_name(line, rule, error) == -1)
			return (-1);
	if (n == 1)
		return (0);
	rule->next_at = at;
	return (parse_name(line, rule, error));
}

/* The word before a host's addresses: "host" may be a name, too. */
static bool
parse_host(struct lex_line *line, struct lex_token *token)
{
	static const char host[] = "host";
	struct lex_token next;
	size_t at = line->at;

	if (token->kind != LEX_WORD || token->len != sizeof(host) - 1 ||
	    memcmp(line->text + token->at, host, token->len) != 0)
		return (false);
	lex_next(line, &next);
	if (next.kind == LEX_WORD && line->text[next.at] != ',') {
		*token = next;
		return (true);
	}
	line->at = at;
	return (false);
}

/* What a group has: where its items are. */
static enum parse_result
parse_items(struct lex_line *line, struct parse_rule *rule,
    enum parse_result result, struct parse_error *error)
{
	struct lex_token token, next;

	lex_next(line, &token);
	rule->pattern_at = token.at;
	rule->host = parse_host(line, &token);
	if (rule->host && result == PARSE_MORE) {
		wrong(error, rule->pattern_at, "\"+=\" adds to a host without "
		    "this word: \"=\" makes one");
		return (PARSE_ERROR);
	}
	if (token.kind != LEX_WORD) {
		wrong(error, token.at, "expected clients or domain names");
		return (PARSE_ERROR);
	}
	join_words(line, &token, ",");
	rule->next_at = token.at;
	rule->names_end = token.at + token.len;
	lex_next(line, &next);
	if (next.kind == LEX_END)
		return (result);
	wrong(error, next.at, "expected \",\" or the end of the line");
	return (PARSE_ERROR);
}

/* Also if it is a wrong one; a name has no such marks, and a URL has both. */
static bool
looks_like_net(const char *text, size_t len)
{
	struct addr_net net;

	return (addr_net_parse(text, len, &net) != -1 ||
	    (memmem(text, len, "://", 3) == NULL &&
	    (memchr(text, ':', len) != NULL ||
	    memchr(text, '/', len) != NULL)));
}

enum parse_result
parse_next_item(const struct lex_line *line, struct parse_rule *rule,
    enum parse_kind *kind, struct parse_error *error)
{
	size_t at = rule->next_at, len;
	const char *text;
	int r;

	if (at > rule->names_end)
		return (PARSE_EMPTY);
	rule->next_at = list_item(line, &at, rule->names_end, &len);
	text = line->text + at;
	rule->pattern_at = at;
	if (len > 0 && *text == '@') {
		wrong(error, at, "a group cannot have another one");
		return (PARSE_ERROR);
	}
	if (*kind == PARSE_UNKNOWN)
		*kind = looks_like_net(text, len) ? PARSE_CLIENTS :
		    PARSE_NAMES;
	r = *kind == PARSE_CLIENTS ? parse_net(line, at, len, rule, error) :
	    parse_pattern(line, at, len, rule, error);
	if (r == -1 && *kind == PARSE_NAMES)
		hint_target(line, at, len, error);
	return (r == -1 ? PARSE_ERROR : PARSE_RULE);
}

static int
parse_target(struct lex_line *line, struct lex_token *token,
    struct parse_rule *rule, struct parse_error *error)
{
	const char *colon;
	size_t at = token->at, stop;

	if (token->kind != LEX_WORD)
		return (wrong(error, at, "expected a domain name"));
	join_words(line, token, rule->action == PARSE_GRANT ? ":," : ",");
	colon = memchr(line->text + at, ':', token->len);
	stop = colon == NULL ? at + token->len : (size_t)(colon - line->text);
	if (parse_names(line, at, stop, rule, error) == -1)
		return (-1);
	if (rule->action == PARSE_GRANT)
		return (parse_grant(line, stop, at + token->len, rule, error));
	if (colon != NULL)
		return (wrong(error, stop, "unexpected \":\": "
		    "only \"->\" takes a protocol and a port"));
	return (0);
}

/* What the item of the target meant in which an error is. */
static void
hint_item(const struct lex_line *line, const struct lex_token *target,
    struct parse_error *error)
{
	const char *text = line->text + target->at;
	size_t at = target->at, end = at + target->len, len, next;

	next = list_item(line, &at, end, &len);
	while (next <= error->at && next <= end) {
		at = next;
		next = list_item(line, &at, end, &len);
	}
	/* Behind a comma and a colon are ports. */
	if (at == target->at || memchr(text, ':', at - target->at) == NULL)
		hint_target(line, at, len, error);
}

static enum parse_result
parse_include(struct lex_line *line, struct parse_rule *rule,
    struct parse_error *error)
{
	struct lex_token path;

	if (directive_parse(line, &path, error) == -1)
		return (PARSE_ERROR);
	rule->pattern_at = path.at;
	rule->names_end = path.at + path.len;
	return (PARSE_INCLUDE);
}

enum parse_result
parse_line(struct lex_line *line, struct parse_rule *rule,
    struct parse_error *error)
{
	struct lex_token token;
	const char *nul;

	if (line->len > LEX_LINE_MAX) {
		wrong(error, LEX_LINE_MAX, "line longer than %d octets",
		    LEX_LINE_MAX);
		return (PARSE_ERROR);
	}
	nul = memchr(line->text, '\0', line->len);
	if (nul != NULL) {
		wrong(error, (size_t)(nul - line->text), "unexpected NUL");
		return (PARSE_ERROR);
	}
	if (directive_is(line))
		return (parse_include(line, rule, error));
	lex_next(line, &token);
	if (token.kind == LEX_END)
		return (PARSE_EMPTY);
	if (parse_client(line, &token, rule, error) == -1)
		return (PARSE_ERROR);
	lex_next(line, &token);
	if (rule->group.len > 0 && token.kind == LEX_EQUALS)
		return (parse_items(line, rule, PARSE_GROUP, error));
	if (rule->group.len > 0 && token.kind == LEX_ADDS)
		return (parse_items(line, rule, PARSE_MORE, error));
	if (parse_action(&token, rule, error) == -1)
		return (PARSE_ERROR);
	lex_next(line, &token);
	if (parse_target(line, &token, rule, error) == -1) {
		hint_item(line, &token, error);
		return (PARSE_ERROR);
	}
	if (parse_tail(line, rule, error) == -1)
		return (PARSE_ERROR);
	return (PARSE_RULE);
}
