/*
 * The options of the command line, the environment and the file of --config
 * (SPEC section 6).
 */
#ifndef OPTIONS_OPTIONS_H
#define OPTIONS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "keepconf.h"
#include "msg.h"
#include "values.h"

#define OPTIONS_UNSET	255	/* of keep.firewall */

/* All are read into the very record of the process that is told them. */
struct options {
	struct keepconf	 keep;		/* the keeper's */
	struct msg_config worker;	/* the workers', all the same */
	char		 config[KEEPCONF_PATH_MAX];
};

/* A file that has been opened for who reads, or could not be (-1). */
struct options_file {
	const char	*path;		/* NULL: there is none */
	int		 fd;
};

/*
 * Fill *o from the command line, then the environment, then the file: what an
 * earlier one has set, a later one does not change.  Prints --help and
 * --version and exits 0.  An error names the option, the value, and what would
 * be right; after all of them it exits 2.  config is taken for the file if the
 * options name just that path, and else the file is opened.
 */
void	options_parse(struct options *o, int argc, char **argv,
	    const struct options_file *config);

#endif
