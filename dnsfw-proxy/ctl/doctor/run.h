/* Programs that are asked what the kernel has. */
#ifndef DOCTOR_RUN_H
#define DOCTOR_RUN_H

#include <stddef.h>

#define RUN_OUTPUT_MAX	(64UL << 20)	/* octets */
#define RUN_SECONDS	60

enum run_result {
	RUN_DONE,
	RUN_MISSING,		/* there is no such program */
	RUN_FAILED,		/* it ended with another status than 0 */
	RUN_LONG,		/* it wrote too much */
	RUN_SLOW		/* it took too long */
};

/*
 * Run the program of that name, which is looked for where systems have theirs,
 * without a shell, and with nothing of our environment.  args is without the name,
 * and ends with NULL.  *output is what it wrote, a string of *len octets to be freed
 * (NULL but with RUN_DONE).
 */
enum run_result	run_program(const char *name, const char *const *args,
		    char **output, size_t *len);

/* What became of it, other than RUN_DONE. */
const char	*run_text(enum run_result);

#endif
