/* What may follow the target of a rule. */
#include "parse_tail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "msg.h"

static int
wrong_tail(struct parse_error *error, size_t at, const char *text)
{
	error->at = at;
	snprintf(error->text, sizeof(error->text), "%s", text);
	return (-1);
}

/* The address of a block, and the token behind it. */
static int
parse_local(struct lex_line *line, struct lex_token *token,
    struct parse_rule *rule, struct parse_error *error)
{
	if (rule->action != PARSE_BLOCK)
		return (wrong_tail(error, token->at,
		    "unexpected \"=\": only \"-|\" takes an address"));
	lex_next(line, token);
	if (token->kind != LEX_WORD || addr_parse(line->text + token->at,
	    token->len, &rule->local) == -1)
		return (wrong_tail(error, token->at,
		    "expected an IPv4 or IPv6 address"));
	lex_next(line, token);
	return (0);
}

/* Seconds, and where they end in the word; 0: not so many, or none. */
static uint32_t
seconds_at(const char *text, size_t len, size_t *at)
{
	uint64_t n = 0;

	for (; *at < len && isdigit((unsigned char)text[*at]) &&
	    n <= MSG_TTL_MAX; ++*at)
		n = n * 10 + (unsigned int)(text[*at] - '0');
	return (n > MSG_TTL_MAX ? 0 : (uint32_t)n);
}

static bool
is_ttl(const struct lex_line *line, const struct lex_token *token)
{
	return (token->kind == LEX_WORD && token->len == 3 &&
	    memcmp(line->text + token->at, "ttl", 3) == 0);
}

/* MIN..MAX behind "ttl", and the token behind it. */
static int
parse_times(struct lex_line *line, struct lex_token *token,
    struct parse_rule *rule, struct parse_error *error)
{
	const char *text;
	size_t at = 0;

	if (rule->action != PARSE_GRANT)
		return (wrong_tail(error, token->at,
		    "unexpected \"ttl\": only \"->\" grants for a time"));
	lex_next(line, token);
	text = line->text + token->at;
	rule->times.min = seconds_at(text, token->len, &at);
	if (token->kind != LEX_WORD || rule->times.min == 0 ||
	    token->len - at < 3 || memcmp(text + at, "..", 2) != 0)
		return (wrong_tail(error, token->at, "expected MIN..MAX: "
		    "seconds, from 1 on"));
	at += 2;
	rule->times.max = seconds_at(text, token->len, &at);
	if (rule->times.max == 0 || at < token->len)
		return (wrong_tail(error, token->at, "expected MIN..MAX: "
		    "seconds, from 1 on"));
	if (rule->times.max < rule->times.min)
		return (wrong_tail(error, token->at, "the longest time is less "
		    "than the shortest one"));
	lex_next(line, token);
	return (0);
}

/* A comment, and the token behind it. */
static int
parse_comment(struct lex_line *line, struct lex_token *token,
    struct parse_rule *rule, struct parse_error *error)
{
	const char *text = line->text + token->at;
	size_t i;

	if (token->len < 2 || text[token->len - 1] != '"')
		return (wrong_tail(error, token->at + token->len, "expected "
		    "'\"' at the end of the comment"));
	rule->text_at = token->at + 1;
	rule->text_len = token->len - 2;
	if (rule->text_len == 0 || rule->text_len > PARSE_COMMENT_MAX)
		return (wrong_tail(error, rule->text_at, "a comment has 1 to "
		    "60 octets"));
	for (i = 1; i <= rule->text_len; i++)
		if (text[i] < ' ' || text[i] > '~' || text[i] == '\\')
			return (wrong_tail(error, token->at + i, "a comment in "
			    "quotes is of printable ASCII without \"\\\""));
	lex_next(line, token);
	return (0);
}

int
parse_tail(struct lex_line *line, struct parse_rule *rule,
    struct parse_error *error)
{
	struct lex_token token;
	bool blank;

	rule->local = (struct addr){ .family = 0 };
	rule->times = (struct parse_times){ .max = 0 };
	rule->text_len = 0;
	lex_next(line, &token);
	blank = token.kind != LEX_EQUALS;
	if (!blank && parse_local(line, &token, rule, error) == -1)
		return (-1);
	if (is_ttl(line, &token) &&
	    parse_times(line, &token, rule, error) == -1)
		return (-1);
	if (token.kind == LEX_TEXT)
		return (parse_comment(line, &token, rule, error) == -1 ? -1 :
		    token.kind == LEX_END ? 0 : wrong_tail(error, token.at,
		    "expected the end of the line"));
	if (token.kind == LEX_END)
		return (0);
	return (wrong_tail(error, token.at, blank &&
	    rule->action == PARSE_BLOCK ?
	    "expected \"=\" or the end of the line" :
	    "expected the end of the line"));
}
