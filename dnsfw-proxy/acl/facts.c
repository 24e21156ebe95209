/* What an image knows of its lines, for people. */
#include "image.h"

#include <string.h>

#include "aclpath.h"
#include "layout.h"
#include "msg.h"

/* The last place that begins at the line or before, or NULL. */
static const struct image_place *
find_place(const struct acl_image *image, uint32_t line)
{
	const struct image_place *places = image_places(image);
	uint32_t low = 0, high = image->nplaces, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (places[middle].line <= line)
			low = middle + 1;
		else
			high = middle;
	}
	return (low == 0 ? NULL : &places[low - 1]);
}

/* The text there, if it is of printable ASCII, and shorter than size. */
static const char *
text_at(const struct acl_image *image, uint32_t at, size_t size)
{
	const char *text;
	size_t i;

	if (at >= image->names_size)
		return (NULL);
	text = image_names(image) + at;
	for (i = 0; text[i] != '\0'; i++)
		if (i + 1 == size || text[i] < ' ' || text[i] > '~')
			return (NULL);
	return (text);
}

const char *
acl_image_place(const struct acl_image *image, uint32_t *line)
{
	const struct image_place *p = find_place(image, *line);
	const char *name;

	if (p == NULL ||
	    (name = text_at(image, p->name, ACLPATH_SIZE)) == NULL)
		return ("");
	*line = *line - p->line + p->first;
	return (name);
}

const char *
acl_image_comment(const struct acl_image *image, uint32_t line)
{
	const struct image_note *notes = image_notes(image);
	uint32_t low = 0, high = image->nnotes, middle;
	const char *text;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (notes[middle].line < line)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == image->nnotes || notes[low].line != line)
		return ("");
	text = text_at(image, notes[low].text, ACL_COMMENT_SIZE);
	return (text == NULL ? "" : text);
}

uint32_t
acl_image_ttl(const struct acl_image *image, uint8_t times, uint32_t ttl)
{
	const struct image_times *t = image_times(image);

	if (times == 0 || times > image->ntimes)
		return (ttl);
	return (msg_lifetime(ttl, t[times - 1].min, t[times - 1].max));
}
