/* Text that does nothing to a terminal.  Pure. */
#ifndef TOP_PLAIN_H
#define TOP_PLAIN_H

#include <stddef.h>

/*
 * Copy the text, of at most len octets or up to its NUL, into buf, with a NUL.
 * A tab becomes a blank, and what is no printable ASCII "?".  What does not fit is
 * left out.  Returns the length.
 */
size_t	plain_copy(char *buf, size_t size, const char *text, size_t len);

#endif
