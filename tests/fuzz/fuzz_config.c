/* Any text as the file of --config. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c = { NULL, 1 };
	struct config_item item;
	unsigned int lines = 1, last = 0;
	char *text;
	size_t i, len;

	if (memchr(data, '\0', size) != NULL)
		return (0);
	if ((text = malloc(size + 1)) == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	for (i = 0; i < size; i++)
		lines += data[i] == '\n';
	c.at = text;
	while (config_next(&c, &item)) {
		/* One a line; both strings inside of the text. */
		if (item.line <= last || item.line > c.line || c.line > lines)
			abort();
		last = item.line;
		if (item.key == NULL) {
			if (item.wrong == NULL)
				abort();
			continue;
		}
		len = strlen(item.value);
		if (item.key < text || *item.key == '\0' ||
		    item.value <= item.key + strlen(item.key) ||
		    item.value + len > text + size ||
		    memchr(item.key, '\n', strlen(item.key)) != NULL)
			abort();
	}
	free(text);
	return (0);
}
