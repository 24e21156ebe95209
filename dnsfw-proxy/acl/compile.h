/*
 * ACL texts -> image (SPEC section 2).  No input or output but memory.
 */
#ifndef ACL_COMPILE_H
#define ACL_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "texts.h"

/* One error: "expected ..." or what else is wrong at line:column (from 1), of the list. */
typedef void acl_error_fn(void *arg, unsigned int line, unsigned int column,
    const char *text);

/*
 * A record of the image: what all rules of one client and one pattern say
 * together.  It is a number that means nothing but in this image, and is not 0.
 */
typedef uint32_t acl_record;

/* A rule that is in a record, by one of its names. */
struct acl_origin {
	acl_record	record;
	uint32_t	line;		/* from 1 */
	uint16_t	at;		/* offset of the name in the line */
	bool		grouped;	/* its client or that name is a group */
	bool		blocks;
};

/* A group that no rule has. */
struct acl_unused {
	uint32_t	line;		/* where it begins */
	uint16_t	at;		/* offset of its name in the line */
};

/* The image, origins and groups, in memory that the caller frees with free(3). */
struct acl_compiled {
	void		*image;
	size_t		 size;
	uint32_t	 rules;
	uint32_t	 sum;		/* of the texts: others have another */
	struct acl_origin *origins;	/* if traced, in no order */
	size_t		 norigins;
	struct acl_unused *unused;	/* the same, in the order of lines */
	size_t		 nunused;
};

/*
 * Compile the texts; traced: with the origins of all records.  Reports every bad
 * line (A7) and every conflict (A6, naming both lines) through error; a conflict
 * is reported at the later line.  Returns 0, or -1 if anything was reported (or
 * memory ran out, which is reported at line 0).
 */
int	acl_compile(const struct texts *, bool traced, acl_error_fn *error,
	    void *arg, struct acl_compiled *out);

/*
 * Say of which file it was made (acl_image_file): its path, or its name alone if
 * that is too long.
 */
void	acl_compiled_file(struct acl_compiled *c, const char *path);

#endif
