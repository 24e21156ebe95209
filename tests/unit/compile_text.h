/* A list of one text: what it includes is not there. */
#ifndef TESTS_COMPILE_TEXT_H
#define TESTS_COMPILE_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"

static inline int
compile_text(const char *text, size_t len, bool traced, acl_error_fn *error,
    void *arg, struct acl_compiled *out)
{
	struct texts_ask ask;
	struct texts texts;
	char *copy = malloc(len);
	int rc;

	/* As long as the text, so that the sanitizers see a step beyond. */
	if (copy == NULL && len > 0)
		abort();
	if (len > 0)
		memcpy(copy, text, len);
	texts_begin(&texts, "list", copy, len);
	while (texts_next(&texts, &ask))
		texts_refuse(&texts, "", "it is not there");
	rc = acl_compile(&texts, traced, error, arg, out);
	texts_free(&texts);
	return (rc);
}

#endif
