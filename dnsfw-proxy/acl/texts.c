/* The texts of a list. */
#include "texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directive.h"
#include "includemsg.h"
#include "parse.h"

#define ROOM_FIRST	16	/* things of an array */

/* Behind a byte order mark (A10). */
static size_t
text_start(const char *text, size_t len)
{
	return (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
}

/* Room for one thing more behind n of an array; false: there is no memory. */
static bool
room_for(struct texts *t, void *array, uint32_t n, size_t size)
{
	void *old, *new;

	/* It is full at each power of two. */
	if (n != 0 && (n < ROOM_FIRST || (n & (n - 1)) != 0))
		return (true);
	memcpy(&old, array, sizeof(old));
	new = reallocarray(old, n == 0 ? ROOM_FIRST : 2 * (size_t)n, size);
	if (new == NULL) {
		t->out_of_memory = true;
		return (false);
	}
	memcpy(array, &new, sizeof(new));
	return (true);
}

/* --- what is wrong with an include --- */

static void __attribute__((format(printf, 2, 3)))
report_wrong(struct texts *t, const char *format, ...)
{
	const struct texts_open *o = &t->open[t->depth - 1];
	struct texts_wrong *w;
	va_list ap;

	if (!room_for(t, &t->wrongs, t->nwrongs, sizeof(*t->wrongs)))
		return;
	w = &t->wrongs[t->nwrongs++];
	w->line = o->line;
	w->at = o->word_at;
	va_start(ap, format);
	vsnprintf(w->text, sizeof(w->text), format, ap);
	va_end(ap);
}

/* The places that include each other, from the depth-th open file on. */
static void
report_loop(struct texts *t, unsigned int depth)
{
	char chain[TEXTS_WRONG_SIZE] = "";
	size_t used = 0;

	for (; depth < t->depth && used < sizeof(chain); depth++)
		used += (size_t)snprintf(chain + used, sizeof(chain) - used,
		    "%s%s:%u", used == 0 ? "" : ", ",
		    t->files[t->open[depth].file].path,
		    t->open[depth].lines.number);
	report_wrong(t, "a file that includes itself: %.*s",
	    TEXTS_WRONG_SIZE - 32, chain);
}

/* Can it become part of the list? */
static bool
may_have(struct texts *t, const char *path)
{
	const struct texts_file *by;
	unsigned int depth;
	uint32_t i, line;

	for (i = 0; i < t->nfiles && strcmp(t->files[i].path, path) != 0; i++)
		;
	if (i == t->nfiles && t->depth < TEXTS_DEPTH_MAX)
		return (true);
	if (i == t->nfiles) {
		report_wrong(t, "more than %d files that include each other",
		    TEXTS_DEPTH_MAX);
		return (false);
	}
	for (depth = 0; depth < t->depth && t->open[depth].file != i; depth++)
		;
	if (depth < t->depth) {
		report_loop(t, depth);
		return (false);
	}
	line = t->files[i].by;
	by = texts_place(t, &line);
	report_wrong(t, "the list has \"%s\" already: %s:%u includes it", path,
	    by->path, line);
	return (false);
}

/* --- files --- */

/* What people call the file at that path. */
static char *
shown_path(const struct texts *t, const char *path)
{
	const char *own = t->files[0].shown, *slash = strrchr(own, '/');
	int dir = slash == NULL ? 0 : (int)(slash + 1 - own);
	char *shown;

	return (asprintf(&shown, "%.*s%s", dir, own, path) == -1 ? NULL :
	    shown);
}

/* The file's text is from here on what is gone through. */
static void
open_file(struct texts *t, const struct texts_file *file)
{
	struct texts_open *o;

	if (file->shown == NULL ||
	    !room_for(t, &t->files, t->nfiles, sizeof(*t->files))) {
		t->out_of_memory = true;
		free(file->shown);
		free(file->text);
		return;
	}
	t->files[t->nfiles] = *file;
	t->size += file->len;
	o = &t->open[t->depth++];
	*o = (struct texts_open){ .file = t->nfiles++, .first = 1,
	    .lines = { .text = file->text, .len = file->len } };
	o->from = o->lines.next = text_start(file->text, file->len);
}

void
texts_begin(struct texts *t, const char *path, char *text, size_t len)
{
	const char *slash = strrchr(path, '/');
	struct texts_file own = { .shown = strdup(path), .text = text,
	    .len = len };

	memset(t, 0, sizeof(*t));
	snprintf(own.path, sizeof(own.path), "%s", slash == NULL ? path :
	    slash + 1);
	open_file(t, &own);
}

/* The lines that were gone through become a part. */
static void
close_part(struct texts *t, struct texts_open *o)
{
	uint32_t n = o->lines.number + 1 - o->first;

	if (n == 0 || !room_for(t, &t->parts, t->nparts, sizeof(*t->parts)))
		return;
	t->parts[t->nparts++] = (struct texts_part){ .line = t->lines + 1,
	    .first = o->first, .file = o->file, .at = o->from,
	    .end = o->lines.next };
	t->lines += n;
	o->from = o->lines.next;
	o->first = o->lines.number + 1;
}

/* PATH is below the directory of that file: *out, padded; false: too long. */
static bool
join_path(const char *file, const char *path, size_t len,
    char out[ACLPATH_SIZE])
{
	const char *slash = strrchr(file, '/');
	size_t dir = slash == NULL ? 0 : (size_t)(slash + 1 - file);

	if (dir + len >= ACLPATH_SIZE)
		return (false);
	memset(out, 0, ACLPATH_SIZE);
	memcpy(out, file, dir);
	memcpy(out + dir, path, len);
	return (true);
}

/* Ask for what that path names, from here on; or say what is wrong. */
static void
ask_for(struct texts *t, struct texts_open *o, const char *path, size_t len)
{
	static const char none[] = "";
	const char *file = o->file == 0 ? none : t->files[o->file].path;

	o->ask = (struct texts_ask){ .directory = !aclpath_is_file(path, len) };
	if (!join_path(file, path, len, o->ask.path)) {
		report_wrong(t, "a path of more than %d octets", ACLPATH_SIZE - 1);
		return;
	}
	o->found = false;
	o->asks = o->ask.directory || may_have(t, o->ask.path);
}

/* Go on to the file's next include; false: to its end. */
static bool
find_include(struct texts *t, struct texts_open *o)
{
	struct parse_error error;
	struct parse_rule rule;
	struct lex_line line;

	while (lex_next_line(&o->lines, &line)) {
		if (!directive_is(&line) ||
		    parse_line(&line, &rule, &error) != PARSE_INCLUDE)
			continue;
		close_part(t, o);
		o->line = t->lines;
		o->word_at = rule.pattern_at;
		ask_for(t, o, line.text + rule.pattern_at,
		    rule.names_end - rule.pattern_at);
		return (true);
	}
	close_part(t, o);
	return (false);
}

bool
texts_next(struct texts *t, struct texts_ask *out)
{
	struct texts_open *o;

	while (t->depth > 0 && !t->out_of_memory) {
		o = &t->open[t->depth - 1];
		if (!o->asks) {
			t->depth -= !find_include(t, o);
			continue;
		}
		if (t->asks++ < INCLUDES_MAX) {
			*out = o->ask;
			return (true);
		}
		o->asks = false;
		report_wrong(t, "more than %d files and directories are included",
		    INCLUDES_MAX);
	}
	return (false);
}

/* The file at that name in the directory, as a path; false: said. */
static bool
entry_path(struct texts *t, struct texts_open *o, const char *name,
    char path[ACLPATH_SIZE])
{
	char dir[ACLPATH_SIZE + 1];

	memcpy(path, o->ask.path, ACLPATH_SIZE);
	if (!o->ask.directory) {
		o->asks = false;
		return (true);
	}
	o->found = true;
	/* Of a longer name nothing stays behind it. */
	memset(o->ask.after, 0, sizeof(o->ask.after));
	memcpy(o->ask.after, name, strlen(name));
	snprintf(dir, sizeof(dir), "%s/", o->ask.path);
	if (join_path(dir, name, strlen(name), path))
		return (may_have(t, path));
	report_wrong(t, "\"%s\": a path of more than %d octets", name,
	    ACLPATH_SIZE - 1);
	return (false);
}

void
texts_give(struct texts *t, const char *name, char *text, size_t len)
{
	struct texts_open *o = &t->open[t->depth - 1];
	struct texts_file file = { .text = text, .len = len, .by = o->line };

	if (!entry_path(t, o, name, file.path)) {
		free(text);
		return;
	}
	if (len > TEXTS_SIZE_MAX - t->size) {
		report_wrong(t, "\"%s\": the list is longer than 1 GiB", file.path);
		free(text);
		return;
	}
	file.shown = shown_path(t, file.path);
	open_file(t, &file);
}

void
texts_refuse(struct texts *t, const char *name, const char *why)
{
	struct texts_open *o = &t->open[t->depth - 1];
	char path[ACLPATH_SIZE];

	if (name[0] == '\0')
		o->asks = false;
	else if (!entry_path(t, o, name, path))
		return;
	report_wrong(t, "cannot include \"%s%s%s\": %s", o->ask.path,
	    name[0] == '\0' ? "" : "/", name, why);
}

void
texts_end(struct texts *t, const char *none)
{
	struct texts_open *o = &t->open[t->depth - 1];

	if (!o->found)
		texts_refuse(t, "", none);
	o->asks = false;
}

void
texts_free(struct texts *t)
{
	uint32_t i;

	for (i = 0; i < t->nfiles; i++) {
		free(t->files[i].shown);
		free(t->files[i].text);
	}
	free(t->files);
	free(t->parts);
	free(t->wrongs);
	memset(t, 0, sizeof(*t));
}

/* --- lines --- */

static void
begin_part(const struct texts *t, struct texts_at *at)
{
	const struct texts_part *part = &t->parts[at->part++];

	at->lines = (struct lex_text){ .text = t->files[part->file].text,
	    .len = part->end, .next = part->at, .number = part->first - 1 };
}

bool
texts_line(const struct texts *t, struct texts_at *at, struct lex_line *line)
{
	while (at->lines.text == NULL || !lex_next_line(&at->lines, line)) {
		if (at->part == t->nparts)
			return (false);
		begin_part(t, at);
	}
	at->number++;
	return (true);
}

/* The part of that line, or the nearest one; NULL: there is none. */
static const struct texts_part *
find_part(const struct texts *t, uint32_t line)
{
	uint32_t low = 0, high = t->nparts, middle;

	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (t->parts[middle].line <= line)
			low = middle;
		else
			high = middle;
	}
	return (low == high ? NULL : &t->parts[low]);
}

const struct texts_file *
texts_place(const struct texts *t, uint32_t *line)
{
	const struct texts_part *part = find_part(t, *line);

	if (part == NULL)
		return (&t->files[0]);
	*line = *line - part->line + part->first;
	return (&t->files[part->file]);
}

void
texts_seek(const struct texts *t, uint32_t line, struct texts_at *at)
{
	const struct texts_part *part = find_part(t, line);
	struct lex_line skipped;

	*at = (struct texts_at){ .part = 0 };
	if (part == NULL)
		return;
	at->part = (uint32_t)(part - t->parts);
	at->number = part->line - 1;
	begin_part(t, at);
	while (at->number + 1 < line && texts_line(t, at, &skipped))
		;
}

const char *
texts_name(const struct texts *t, uint32_t from, uint32_t line,
    char buf[TEXTS_NAME_SIZE])
{
	const struct texts_file *here = texts_place(t, &from);
	const struct texts_file *file = texts_place(t, &line);

	if (file == here)
		snprintf(buf, TEXTS_NAME_SIZE, "line %u", line);
	else
		snprintf(buf, TEXTS_NAME_SIZE, "line %u of %s", line,
		    file->path);
	return (buf);
}
