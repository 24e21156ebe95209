/* The words of a line of iptables-save. */
#ifndef DOCTOR_XTWORDS_H
#define DOCTOR_XTWORDS_H

#include <stddef.h>

#define XTWORDS_MAX	256

/*
 * Cut the line into words, in place; quotes and backslashes are taken out.  Returns
 * how many there are; behind the last one there is NULL.
 */
size_t	xtwords_split(char *line, char *words[XTWORDS_MAX]);

#endif
