/* The words of a line of iptables-save. */
#include "xtwords.h"

#include <stdbool.h>
#include <string.h>

size_t
xtwords_split(char *p, char *words[XTWORDS_MAX])
{
	bool quoted = false;
	size_t n = 0;
	char *out;

	while (n < XTWORDS_MAX - 1) {
		p += strspn(p, " ");
		if (*p == '\0')
			break;
		words[n++] = out = p;
		for (; *p != '\0' && (quoted || *p != ' '); p++) {
			if (*p == '"') {
				quoted = !quoted;
				continue;
			}
			if (*p == '\\' && p[1] != '\0')
				p++;
			*out++ = *p;
		}
		if (*p != '\0')
			p++;
		*out = '\0';
	}
	words[n] = NULL;
	return (n);
}
