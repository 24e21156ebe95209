/* The rows of a view: of whom or what, how often, and when last.  Pure. */
#ifndef TOP_TABLE_H
#define TOP_TABLE_H

#include "sample.h"
#include "view.h"

#define ROW_TEXT_MAX	280	/* with NUL: an address, a name, a reason */

struct row {
	uint64_t	more;		/* since the sample before */
	uint64_t	more_audited;	/* of these: let pass by --audit */
	uint64_t	count;		/* in all that is known */
	bool		audited;	/* some of these were let pass */
	uint32_t	last;		/* seconds ago */
	char		text[ROW_TEXT_MAX];	/* printable ASCII */
};

struct table {
	struct row	*rows;
	size_t		 n, room;
};

/* The text of a rule at that line, of the list with that sum, or NULL. */
typedef const char *table_line_text(uint32_t line, uint32_t sum, size_t *len);

/*
 * Make the view's rows, those with its filter, in its order.  before NULL: more are
 * not known.  Without memory there are fewer rows.
 */
void	table_make(struct table *, const struct view *,
	    const struct sample *before, const struct sample *now,
	    table_line_text *line_text);

#endif
