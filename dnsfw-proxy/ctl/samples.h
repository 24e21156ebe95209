/*
 * The numbers of metrics as they are written: text of either form, or JSON, in
 * which each is a member of the name that its lines of text have.
 */
#ifndef CTL_SAMPLES_H
#define CTL_SAMPLES_H

#include <stdint.h>
#include <stdio.h>

#include "json.h"

enum samples_form {
	SAMPLES_PLAIN = 0,	/* text of version 0.0.4 */
	SAMPLES_OPEN,		/* OpenMetrics 1.0 */
	SAMPLES_JSON
};

struct samples {
	FILE		*to;
	enum samples_form form;
	struct json	 json;
};

void	samples_begin(struct samples *, FILE *to, enum samples_form);
void	samples_end(struct samples *);

/*
 * What stands before the values of a metric, whose name is "dnsfw_", name and end;
 * of a number of seconds if unit is "seconds", or NULL.  JSON has none of it.
 */
void	samples_head(struct samples *, const char *name, const char *end,
	    const char *type, const char *unit, const char *help);

/* One value: a number, or nanoseconds as a number of seconds. */
void	samples_number(struct samples *, const char *name, const char *end,
	    uint64_t value);
void	samples_seconds(struct samples *, const char *name, const char *end,
	    uint64_t ns);

/* Values, each with a label; in JSON an array of objects. */
struct samples_row {
	const char	*name, *end, *label;
};
void	samples_row_begin(struct samples *, const struct samples_row *);
void	samples_row_put(struct samples *, const struct samples_row *,
	    const char *of, uint64_t value);
void	samples_row_end(struct samples *);

#endif
