/* A name as the comment of an entry. */
#include "label.h"

#include <string.h>

static bool
is_label_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '_' || c == '-');
}

void
label_of(const struct dns_name *name, char label[MSG_LABEL_SIZE])
{
	DNS_UNINITIALIZED char text[DNS_NAME_TEXT_MAX];
	DNS_UNINITIALIZED struct dns_name folded;
	size_t len, i, from = 0;

	dns_name_fold(name, &folded);
	len = dns_name_print(&folded, text);
	/* Without the final dot, but for the root. */
	if (len > 1)
		len--;
	if (len >= MSG_LABEL_SIZE)
		from = len - (MSG_LABEL_SIZE - 1);
	memset(label, 0, MSG_LABEL_SIZE);
	for (i = 0; from + i < len; i++)
		label[i] = is_label_char(text[from + i]) ? text[from + i] : '*';
	if (from > 0)
		label[0] = '*';
}
