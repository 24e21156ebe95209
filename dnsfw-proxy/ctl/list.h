/*
 * A list as its files have it: texts, image, and which line is in which record.
 * Lines are numbered through all files (acl/texts.h), from 1.
 */
#ifndef CTL_LIST_H
#define CTL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../acl/compile.h"
#include "../acl/lex.h"
#include "../acl/relate.h"
#include "../acl/parse.h"
#include "../acl/texts.h"

/* What a rule says of one of its names. */
struct list_rule {
	acl_record	record;
	uint32_t	line;
	uint16_t	name_at;	/* of the name in the line */
	bool		grouped;	/* its client or that name is a group */
	bool		blocks;
	const char	*text;		/* of the line */
	size_t		len;
};

struct list {
	const char	*path;
	struct texts	 texts;
	const struct acl_image *image;	/* NULL: the texts have errors */
	uint32_t	 lines;		/* that are rules */
	uint32_t	 sum;		/* acl_compiled's */
	struct list_rule *rules;	/* in the order of lines */
	uint32_t	 nrules;
	struct acl_unused *unused;	/* acl_compiled's */
	size_t		 nunused;
	uint32_t	*by_record;	/* indices: of one record together */
	struct texts_at	 shown;		/* behind the line of list_line() */
};

/* Where something is wrong; column from 1, or 0 and line 0: with the whole. */
typedef void list_error_fn(void *arg, struct list *, unsigned int line,
    unsigned int column, const char *text);

/*
 * Read the file, which may be "-" for standard input, and what it includes, and
 * compile it; what is wrong is told to error.  In any case list_free() is to be
 * called.  Returns 0, or -1 if the file cannot be read (said on stderr) or has
 * errors (told; then the text is there, and no image).
 */
int	list_load(struct list *, const char *path, list_error_fn *error,
	    void *arg);

void	list_free(struct list *);

/* The rules of a record, in the order of lines; returns the number. */
size_t	list_rules(const struct list *, acl_record, const uint32_t **first);

/* Parse the rule once more, up to its name. */
void	list_parse(const struct list_rule *, struct parse_rule *out);

/* The rule's text without blanks around it and comment; returns its length. */
size_t	list_text(const struct list_rule *, const char **text);

/* The rule's comment in quotes, without these; returns its length, or 0. */
size_t	list_comment(const struct list_rule *, const char **text);

/* The path of the file in which that line is, and its number there. */
const char *list_place(const struct list *, uint32_t *line);

/* The line's text, without its end. */
size_t	list_line(struct list *, unsigned int line, const char **text);

#endif
