/* The rules' text, for dnsfwctl top. */
#include "toprules.h"

#include <sys/stat.h>

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "list.h"

static const char *list_path;
static struct list top_list;
static bool is_read;
static uint32_t read_for;			/* sum for which it was read */

static void
ignore_error(void *arg, struct list *l, unsigned int line,
    unsigned int column, const char *text)
{
	(void)arg;
	(void)l;
	(void)line;
	(void)column;
	(void)text;
}

void
toprules_open(const char *path)
{
	list_path = path;
}

/* What cannot be read would be told, in the middle of the screen. */
static void
read_list(uint32_t sum)
{
	struct stat st;

	if (is_read && sum == read_for)
		return;
	list_free(&top_list);
	top_list = (struct list){ .path = list_path };
	if (stat(list_path, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(list_path, R_OK) == 0)
		(void)list_load(&top_list, list_path, ignore_error, NULL);
	is_read = true;
	read_for = sum;
}

static int
compare_line(const void *key, const void *rule)
{
	uint32_t line = *(const uint32_t *)key;
	const struct list_rule *r = rule;

	return ((line > r->line) - (line < r->line));
}

const char *
toprules_text(uint32_t line, uint32_t sum, size_t *len)
{
	const struct list_rule *r;
	const char *text;

	read_list(sum);
	if (top_list.image == NULL || top_list.sum != sum)
		return (NULL);
	r = bsearch(&line, top_list.rules, top_list.nrules, sizeof(*r), compare_line);
	if (r == NULL)
		return (NULL);
	*len = list_text(r, &text);
	return (text);
}
