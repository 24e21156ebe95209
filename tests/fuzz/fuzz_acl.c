/* Any text: compile it, and use what came of it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/bounds.h"
#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/image.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	unsigned int	errors;
	unsigned int	lines;
};

static void
on_error(void *arg, unsigned int line, unsigned int column, const char *text)
{
	struct seen *seen = arg;

	if (line > seen->lines || (line > 0 && column == 0) || *text == '\0')
		abort();
	seen->errors++;
}

static void
on_bound(void *arg, const struct addr_net *net, uint8_t proto, uint16_t port)
{
	size_t *left = arg;

	if (*left == 0 || net->prefix > addr_len(net->base.family) * 8 ||
	    (proto == 0) != (port == 0))
		abort();
	--*left;
}

static void
decide(const struct acl_image *image)
{
	static const struct addr clients[] = {
		{ ADDR_V4, { 10, 0, 0, 1 } }, { ADDR_V4, { 192, 168, 1, 10 } },
		{ ADDR_V4, { 127, 0, 0, 1 } }, { ADDR_V6, { [15] = 1 } },
		{ ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8 } },
	};
	static const struct dns_name names[] = {
		{ 1, 0, "" }, { 3, 1, "\001a" }, { 5, 2, "\001b\001A" },
		{ 17, 3, "\003ads\007example\003com" },
	};
	struct acl_decision d;
	size_t i, j;

	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		for (j = 0; j <= sizeof(names) / sizeof(names[0]); j++) {
			acl_decide(image, &clients[i],
			    j == 0 ? NULL : &names[j - 1], &d);
			if ((d.verdict == ACL_NOMATCH) != (d.line == 0) ||
			    d.nports > ACL_PORTS_MAX)
				abort();
		}
}

/* A list's file and what it includes, with this between two. */
#define BETWEEN	'\f'

struct input {
	const uint8_t	*data;
	size_t		 size;
};

/* The next text, in memory of its own. */
static char *
cut_text(struct input *in, size_t *len)
{
	const uint8_t *end = in->size == 0 ? NULL :
	    memchr(in->data, BETWEEN, in->size);
	char *text;

	*len = end == NULL ? in->size : (size_t)(end - in->data);
	if ((text = malloc(*len)) == NULL && *len > 0)
		abort();
	if (*len > 0)
		memcpy(text, in->data, *len);
	in->data += *len + (end != NULL);
	in->size -= *len + (end != NULL);
	return (text);
}

/* A directory has what is left, too. */
static void
read_texts(struct input *in, struct texts *texts)
{
	char name[sizeof("0000.acl")] = "", *text;
	unsigned int n = 0;
	struct texts_ask ask;
	size_t len;

	text = cut_text(in, &len);
	texts_begin(texts, "lists/own", text, len);
	while (texts_next(texts, &ask)) {
		if (ask.directory)
			snprintf(name, sizeof(name), "%04u.acl", n++ % 10000);
		if (in->size == 0 && ask.directory)
			texts_end(texts, "nothing is there");
		else if (in->size == 0)
			texts_refuse(texts, "", "it is not there");
		else {
			text = cut_text(in, &len);
			texts_give(texts, ask.directory ? name : "", text,
			    len);
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { .errors = 0, .lines = 1 };
	struct acl_compiled c;
	const struct acl_image *image;
	const char *why;
	size_t i, left;
	int coarsened;
	const struct acl_origin *o;
	struct input input = { .data = data, .size = size };
	struct texts texts;
	int failed;

	for (i = 0; i < size; i++)
		seen.lines += data[i] == '\n' || data[i] == BETWEEN;
	read_texts(&input, &texts);
	failed = acl_compile(&texts, true, on_error, &seen, &c);
	texts_free(&texts);
	if (failed == -1) {
		if (seen.errors == 0 || c.image != NULL)
			abort();
		return (0);
	}
	image = acl_image_open(c.image, c.size, &why);
	if (image == NULL || acl_image_check(image) != NULL ||
	    seen.errors > 0)
		abort();
	decide(image);
	left = 4;
	acl_bounds(&c, left, on_bound, &left, &coarsened);
	for (o = c.origins; o < c.origins + c.norigins; o++)
		if (o->record >= c.size || o->line == 0 || o->line > seen.lines)
			abort();
	if (c.nunused > seen.lines)
		abort();
	free(c.unused);
	free(c.origins);
	free(c.image);
	return (0);
}
