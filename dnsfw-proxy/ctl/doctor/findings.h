/* What is told of a set-up. */
#ifndef DOCTOR_FINDINGS_H
#define DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum severity {
	NOTE,		/* nothing is wrong, or nobody knows */
	WARNING,	/* something is not as it should be */
	ERROR		/* clients go around dnsfw, or are not served */
};

struct finding {
	enum severity	severity;
	const char	*what;		/* a word for programs, as "no-jump" */
	char		*text;
	char		*mend;		/* a command, or NULL */
};

struct findings {
	struct finding	*at;
	size_t		 n, room;
	const char	*again;		/* the command that looks once more */
};

/*
 * Add one; the text is a sentence without its end, the command is empty if there is
 * none.  What is there already, word for word, is not added.
 */
void	findings_add(struct findings *, enum severity, const char *what,
	    const char *mend, const char *format, ...)
	    __attribute__((format(printf, 5, 6)));

/* Print them, the gravest first.  Returns the number of all but notes. */
size_t	findings_print(const struct findings *, bool json);

void	findings_free(struct findings *);

#endif
