/* The rules' text, for dnsfwctl top. */
#ifndef CTL_TOPRULES_H
#define CTL_TOPRULES_H

#include <stddef.h>
#include <stdint.h>

/* The list's file, before the first question. */
void	toprules_open(const char *path);

/*
 * The text of the rule at that line of the list with that sum, until the next call;
 * NULL: the file is another list, or cannot be read.  It is read again when the sum
 * is another one.
 */
const char *toprules_text(uint32_t line, uint32_t sum, size_t *len);

#endif
