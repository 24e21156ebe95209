/* The ACL's text cut into lines, and a line into tokens.  Pure. */
#ifndef ACL_LEX_H
#define ACL_LEX_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of a line without its end; a rule takes less than 400. */
#define LEX_LINE_MAX	4096

/* Where we are in the text; next and number start as 0. */
struct lex_text {
	const char	*text;
	size_t		 len;
	size_t		 next;		/* offset of the next line */
	unsigned int	 number;	/* of the current line, from 1 */
};

/* One line, and where we are in it; at starts as 0. */
struct lex_line {
	const char	*text;
	size_t		 len;		/* without LF and without CR LF */
	size_t		 at;
};

enum lex_kind {
	LEX_END = 0,		/* end of the line, or a comment */
	LEX_WORD,		/* anything up to a blank or another token */
	LEX_GRANT,		/* -> */
	LEX_RESOLVE,		/* ~> */
	LEX_BLOCK,		/* -| */
	LEX_EQUALS,		/* = */
	LEX_ADDS,		/* += */
	LEX_TEXT		/* "text", with its quotes; the last may lack */
};

struct lex_token {
	enum lex_kind	 kind;
	size_t		 at;		/* offset in its line */
	size_t		 len;
};

/* The next line of the text, which may lack its newline; false: no more. */
bool	lex_next_line(struct lex_text *text, struct lex_line *line);

/* The next token of the line; LEX_END for ever at its end. */
void	lex_next(struct lex_line *line, struct lex_token *token);

#endif
