/* Lines of the ACL that are no rules. */
#include "directive.h"

#include <stdio.h>
#include <string.h>

#include "aclpath.h"

static const char keyword[] = "include";

bool
directive_is(const struct lex_line *line)
{
	struct lex_line copy = *line;
	struct lex_token token;
	size_t at = line->at;

	/* Almost every line begins with something else. */
	while (at < line->len && (line->text[at] == ' ' ||
	    line->text[at] == '\t'))
		at++;
	if (at == line->len || line->text[at] != keyword[0])
		return (false);
	lex_next(&copy, &token);
	return (token.kind == LEX_WORD && token.len == sizeof(keyword) - 1 &&
	    memcmp(line->text + token.at, keyword, token.len) == 0);
}

static int
wrong_path(struct parse_error *error, size_t at, const char *text)
{
	error->at = at;
	snprintf(error->text, sizeof(error->text), "%s", text);
	return (-1);
}

int
directive_parse(struct lex_line *line, struct lex_token *path,
    struct parse_error *error)
{
	struct lex_token next;
	const char *word;

	lex_next(line, path);
	lex_next(line, path);
	word = line->text + path->at;
	if (path->kind != LEX_WORD)
		return (wrong_path(error, path->at, "expected a file, or a directory "
		    "with files whose names end in \"" ACLPATH_END "\""));
	if (*word == '/')
		return (wrong_path(error, path->at, "expected a path that is "
		    "relative to this file's directory"));
	if (path->len >= ACLPATH_SIZE)
		return (wrong_path(error, path->at, "a path of more than 127 octets"));
	if (!aclpath_is_good(word, path->len))
		return (wrong_path(error, path->at, "expected a path below this "
		    "file's directory: names of letters, digits and \"._+@-\" "
		    "that do not begin with a dot"));
	lex_next(line, &next);
	if (next.kind == LEX_END)
		return (0);
	return (wrong_path(error, next.at, "expected the end of the line"));
}
