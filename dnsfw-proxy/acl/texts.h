/*
 * The texts of a list: that of its file, and those of the files that it includes,
 * as if their lines stood behind the line that includes them.  So all lines of
 * the list have a number in one row, and that is the only one the image knows:
 * which line of which file it is, texts_place() says.
 *
 * Who has the files gives them, one after the other, as they are asked for:
 *
 *	texts_begin(t, path, text, len);
 *	while (texts_next(t, &ask))
 *		texts_give(), texts_refuse() or texts_end();
 *
 * No input or output but memory.
 */
#ifndef ACL_TEXTS_H
#define ACL_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aclpath.h"
#include "lex.h"

#define TEXTS_DEPTH_MAX	8	/* files of which each includes the next */
#define TEXTS_SIZE_MAX	(1UL << 30)	/* octets of all texts together */
#define TEXTS_WRONG_SIZE 512	/* of what is wrong, with NUL */

struct texts_file {
	char		path[ACLPATH_SIZE];	/* below the list's directory */
	char		*shown;			/* the path, for people */
	char		*text;
	size_t		 len;
	uint32_t	 by;		/* line that includes it; 0: the list's own */
};

/* Lines of one file that follow each other in the list, too. */
struct texts_part {
	uint32_t	line;		/* of the first one, in the list */
	uint32_t	first;		/* and in its file; both from 1 */
	uint32_t	file;		/* index */
	size_t		at, end;	/* in its text */
};

/* What is wrong with a line that includes something. */
struct texts_wrong {
	uint32_t	line;		/* of the list */
	size_t		at;		/* offset in it */
	char		text[TEXTS_WRONG_SIZE];
};

/* What is wanted. */
struct texts_ask {
	bool		directory;	/* the next file in it, behind after */
	char		path[ACLPATH_SIZE];	/* NUL-padded */
	char		after[ACLPATH_SIZE];	/* the same */
};

/* A file that is being gone through. */
struct texts_open {
	uint32_t	 file;		/* index */
	struct lex_text	 lines;
	size_t		 from;		/* offset of what is in no part so far */
	uint32_t	 first;		/* its line */
	/* What it includes now. */
	uint32_t	 line;		/* of the list */
	size_t		 word_at;	/* offset of the path in that line */
	bool		 asks;		/* for ask */
	bool		 found;		/* a file in that directory */
	struct texts_ask ask;
};

struct texts {
	struct texts_file *files;	/* the first is the list's own */
	uint32_t	 nfiles;
	struct texts_part *parts;
	uint32_t	 nparts;
	struct texts_wrong *wrongs;
	uint32_t	 nwrongs;
	uint32_t	 lines;		/* of all parts so far */
	uint32_t	 asks;
	size_t		 size;
	bool		 out_of_memory;
	struct texts_open open[TEXTS_DEPTH_MAX];
	unsigned int	 depth;
};

/*
 * Begin with the text of the list's file, which is from malloc(3) and belongs to
 * t from here on; path is what people call that file.
 */
void	texts_begin(struct texts *, const char *path, char *text, size_t len);

/* Go on to what is needed next; false: it is all there. */
bool	texts_next(struct texts *, struct texts_ask *out);

/*
 * What becomes of the last ask.  name is that of the file in the directory, or
 * empty; text belongs to t from here on.
 */
void	texts_give(struct texts *, const char *name, char *text, size_t len);
void	texts_refuse(struct texts *, const char *name, const char *why);
/* The directory has no more; none: what to say if it had none at all. */
void	texts_end(struct texts *, const char *none);

void	texts_free(struct texts *);

/* Where the next line is; begins as all zero. */
struct texts_at {
	uint32_t	part;		/* index of the next one */
	uint32_t	number;		/* of the line, in the list */
	struct lex_text	lines;
};

/* The next line of all; false: no more. */
bool	texts_line(const struct texts *, struct texts_at *, struct lex_line *);

/* The file that has this line of the list, and its number there in *line. */
const struct texts_file *texts_place(const struct texts *, uint32_t *line);

/* Go to that line of the list: the next texts_line() is it. */
void	texts_seek(const struct texts *, uint32_t line, struct texts_at *);

/*
 * "line 5", or, if the line from is in another file, "line 5 of FILE".  Returns
 * buf.
 */
#define TEXTS_NAME_SIZE	(ACLPATH_SIZE + 32)
const char *texts_name(const struct texts *, uint32_t from, uint32_t line,
	    char buf[TEXTS_NAME_SIZE]);

#endif
