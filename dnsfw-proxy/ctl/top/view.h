/* What the reader wants to see, and the keys that change it.  Pure. */
#ifndef TOP_VIEW_H
#define TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#define VIEW_FILTER_MAX	64	/* with NUL */

enum view_what {
	VIEW_CLIENTS = 0,	/* what was refused to each */
	VIEW_NAMES,		/* how often each was refused */
	VIEW_REFUSALS,		/* to whom, what, and why */
	VIEW_RULES,		/* how often each matched */
	VIEWS
};

enum view_order {
	VIEW_BY_RATE = 0, VIEW_BY_COUNT, VIEW_BY_LAST, VIEW_BY_TEXT, VIEW_ORDERS
};

struct view {
	enum view_what	what;
	enum view_order	order;
	size_t		first;		/* row, from 0, at the top */
	bool		typing;		/* the filter */
	bool		quits;
	char		filter[VIEW_FILTER_MAX];	/* printable ASCII */
};

/* Keys that are no character, and VIEW_NONE. */
enum view_key { VIEW_NONE = 0x100, VIEW_UP, VIEW_DOWN, VIEW_PAGE_UP, VIEW_PAGE_DOWN,
    VIEW_HOME, VIEW_RUBOUT, VIEW_ENTER, VIEW_ESCAPE };

/*
 * A key: a character, or one of these; any other is nothing.  rows: as many are
 * shown.
 */
void	view_key(struct view *, int key, size_t rows);

/* There are so many rows: the first one shown is one of them. */
void	view_limit(struct view *, size_t rows);

#endif
