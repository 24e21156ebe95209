/* A list as its file has it: text, image, and which line is in which record. */
#ifndef CTL_LIST_H
#define CTL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../acl/compile.h"
#include "../acl/lex.h"
#include "../acl/relate.h"
#include "../acl/parse.h"

/* What a rule says of one of its names. */
struct list_rule {
	acl_record	record;
	uint32_t	line;		/* from 1 */
	uint16_t	name_at;	/* of the name in the line */
	bool		grouped;	/* its client or that name is a group */
	size_t		at;		/* of the line in the text */
	size_t		len;
};

struct list {
	const char	*path;
	char		*text;
	size_t		 len;
	const struct acl_image *image;	/* NULL: the text has errors */
	uint32_t	 lines;		/* that are rules */
	uint32_t	 sum;		/* acl_compiled's */
	struct list_rule *rules;	/* in the order of lines */
	uint32_t	 nrules;
	uint32_t	*by_record;	/* indices: of one record together */
	struct lex_text	 shown;		/* behind the line of list_line() */
};

/* Where something is wrong; column from 1, or 0 and line 0: with the whole. */
typedef void list_error_fn(void *arg, struct list *, unsigned int line,
    unsigned int column, const char *text);

/*
 * Read the file, which may be "-" for standard input, and compile it; what is
 * wrong is told to error.  In any case list_free() is to be called.  Returns 0, or
 * -1 if the file cannot be read (said on stderr) or has errors (told; then the text
 * is there, and no image).
 */
int	list_load(struct list *, const char *path, list_error_fn *error,
	    void *arg);

void	list_free(struct list *);

/* The rules of a record, in the order of lines; returns the number. */
size_t	list_rules(const struct list *, acl_record, const uint32_t **first);

/* Parse the rule once more, up to its name. */
void	list_parse(const struct list *, const struct list_rule *,
	    struct parse_rule *out);

/* The rule's text without blanks around it and comment; returns its length. */
size_t	list_text(const struct list *, const struct list_rule *,
	    const char **text);

/* The line's text, without its end; lines from 1. */
size_t	list_line(struct list *, unsigned int line, const char **text);

#endif
