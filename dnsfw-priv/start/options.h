/*
 * The options of the command line, the environment and the file of --config
 * (SPEC section 6).
 */
#ifndef START_OPTIONS_H
#define START_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "keepconf.h"
#include "msg.h"
#include "values.h"

#define OPTIONS_UNSET	255	/* of keep.firewall */

/*
 * Most are read into the very record of the process that is told them.  Strings
 * point into argv, the environment or the file, which live as long.
 */
struct options {
	struct keepconf	 keep;		/* the keeper's */
	struct msg_config worker;	/* the workers', all the same */
	const char	*config;
	const char	*acl_file;
	const char	*users[KEEPCONF_ROLES];
};

/*
 * Fill *o from the command line, then the environment, then the file: what an
 * earlier one has set, a later one does not change.  Prints --help and
 * --version and exits 0.  An error names the option, the value, and what would
 * be right; after all of them it exits 2.
 */
void	options_parse(struct options *o, int argc, char **argv);

#endif
