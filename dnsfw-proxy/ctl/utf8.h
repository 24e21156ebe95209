/* UTF-8 (RFC 3629).  Pure. */
#ifndef CTL_UTF8_H
#define CTL_UTF8_H

#include <stddef.h>

/* The octets of the character at p, of which left are there; 0: it is none. */
size_t	utf8_length(const char *p, size_t left);

#endif
