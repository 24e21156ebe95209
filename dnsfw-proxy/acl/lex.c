/* The ACL's text cut into lines, and a line into tokens. */
#include "lex.h"

#include <limits.h>
#include <string.h>

bool
lex_next_line(struct lex_text *text, struct lex_line *line)
{
	const char *start, *end;
	size_t left;

	if (text->next >= text->len)
		return (false);
	start = text->text + text->next;
	left = text->len - text->next;
	end = memchr(start, '\n', left);
	line->text = start;
	line->len = end == NULL ? left : (size_t)(end - start);
	line->at = 0;
	text->next += end == NULL ? left : line->len + 1;
	text->number++;
	if (line->len > 0 && start[line->len - 1] == '\r')
		line->len--;
	return (true);
}

/* The kind of a token that is not a word at offset at, with its length. */
static enum lex_kind
mark_at(const struct lex_line *line, size_t at, size_t *len)
{
	const char *p = line->text + at;

	*len = 1;
	if (*p == '=')
		return (LEX_EQUALS);
	*len = 2;
	if (line->len - at < 2)
		return (LEX_WORD);
	if (p[0] == '-' && p[1] == '>')
		return (LEX_GRANT);
	if (p[0] == '~' && p[1] == '>')
		return (LEX_RESOLVE);
	if (p[0] == '-' && p[1] == '|')
		return (LEX_BLOCK);
	if (p[0] == '+' && p[1] == '=')
		return (LEX_ADDS);
	return (LEX_WORD);
}

/* Text in quotes from offset at on: its length, to the end if none closes it. */
static size_t
text_len(const struct lex_line *line, size_t at)
{
	const char *quote = line->text + at;
	const char *end = memchr(quote + 1, '"', line->len - at - 1);

	return (end == NULL ? line->len - at : (size_t)(end - quote) + 1);
}

/* Hardly an octet may end a word: where a blank, a comment or a mark begins. */
static const bool may_end[UCHAR_MAX + 1] = {
	[' '] = true, ['\t'] = true, ['#'] = true,
	['='] = true, ['-'] = true, ['~'] = true, ['+'] = true
};

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

static bool
ends_word(const struct lex_line *line, size_t at)
{
	char c = line->text[at];
	size_t len;

	return (may_end[(unsigned char)c] && (is_blank(c) || c == '#' ||
	    mark_at(line, at, &len) != LEX_WORD));
}

void
lex_next(struct lex_line *line, struct lex_token *token)
{
	size_t at, len;

	for (at = line->at; at < line->len && is_blank(line->text[at]); at++)
		;
	token->at = at;
	token->len = 0;
	line->at = at;
	if (at == line->len || line->text[at] == '#') {
		token->kind = LEX_END;
		return;
	}
	if (line->text[at] == '"') {
		token->kind = LEX_TEXT;
		token->len = text_len(line, at);
		line->at = at + token->len;
		return;
	}
	token->kind = mark_at(line, at, &len);
	if (token->kind != LEX_WORD) {
		token->len = len;
		line->at = at + len;
		return;
	}
	/* No token of a rule holds a mark, so a word ends where one begins. */
	while (at < line->len && !ends_word(line, at))
		at++;
	token->len = at - token->at;
	line->at = at;
}
