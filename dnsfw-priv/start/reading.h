/* The options: read by a child without any power. */
#ifndef START_READING_H
#define START_READING_H

#include "options/options.h"

/* Fill *o; what cannot be used ends us, with the child's exit status. */
void	reading_options(struct options *o, int argc, char **argv);

#endif
