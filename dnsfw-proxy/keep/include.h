/*
 * Files that the list includes: opened for the compiler, by the names that it
 * found in the list, and handed over unread.
 */
#ifndef KEEP_INCLUDE_H
#define KEEP_INCLUDE_H

#include <stddef.h>
#include <stdint.h>

/* Another list: it may include INCLUDES_MAX files and directories again. */
void	include_begin(void);

/* Serve an INCLUDE of the compiler, in n octets. */
void	include_serve(const uint8_t *buf, size_t n);

#endif
