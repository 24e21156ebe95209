/*
 * Names outside ASCII, for the text of an error only: the ACL is written in
 * ASCII (A2).  With libidn2 (idn.c) or without it (idn_none.c).
 */
#ifndef ACL_IDN_H
#define ACL_IDN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Write the ASCII form (RFC 5890 2.3.2.1, of UTS 46) of the len octets of
 * UTF-8 at text, which hold no NUL, with its NUL into out.  False, and out is
 * unspecified: it is not a name, its form takes more than size octets, or this
 * build cannot tell.  No system call but malloc's; no locale; what is allocated
 * is freed.
 */
bool	idn_to_ascii(const char *text, size_t len, char *out, size_t size);

#endif
