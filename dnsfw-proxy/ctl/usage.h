/* How dnsfwctl is used. */
#ifndef CTL_USAGE_H
#define CTL_USAGE_H

#include <stdio.h>

/* All commands. */
void	usage_print(FILE *to);

/* One command, that there is. */
void	usage_command(FILE *to, const char *command);

/* The same, on stderr; returns CTL_USAGE. */
int	usage_wrong(const char *command);

#endif
