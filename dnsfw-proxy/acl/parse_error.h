/* What is wrong with a line of the ACL. */
#ifndef ACL_PARSE_ERROR_H
#define ACL_PARSE_ERROR_H

#include <stddef.h>

#define PARSE_TEXT_SIZE	256	/* of an error's text, with NUL */

struct parse_error {
	size_t	at;			/* offset in the line */
	char	text[PARSE_TEXT_SIZE];
};

#endif
