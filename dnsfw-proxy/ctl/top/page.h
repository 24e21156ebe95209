/* The lines of the screen, for any size of it.  Pure. */
#ifndef TOP_PAGE_H
#define TOP_PAGE_H

#include "rates.h"
#include "table.h"
#include "view.h"

/* Of a larger screen that part is used. */
#define PAGE_ROWS_MAX		256
#define PAGE_COLUMNS_MAX	512

enum page_look { LOOK_PLAIN = 0, LOOK_TITLE, LOOK_ALERT };

struct page {
	size_t		rows, columns;	/* of the screen: set before */
	size_t		shown;		/* rows of the table */
	struct page_line {
		enum page_look	look;
		char		text[PAGE_COLUMNS_MAX + 1]; /* printable ASCII */
	} lines[PAGE_ROWS_MAX];
};

/* What it is made of. */
struct page_of {
	const char	*path;		/* of the control socket */
	const char	*clock;		/* the time of day */
	const struct view *view;
	const struct sample *sample;	/* the last one that dnsfw gave */
	bool		up;		/* it answers now */
	const struct rates *rates;
	const struct table *table;
};

/* Make the lines.  No line is longer than the screen is wide. */
void	page_make(struct page *, const struct page_of *);

/* How many rows of a table are shown on so many rows of a screen. */
size_t	page_table_rows(size_t rows);

#endif
