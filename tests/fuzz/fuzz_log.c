/*
 * An access log, of which dnsfwctl suggest makes a list: whatever is in it, the
 * list has no error, and no line of it is longer than a list's may be.
 */
#include <netinet/in.h>
#include <sys/mman.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acl/compile.h"
#include "ctl/gather.h"
#include "ctl/needs.h"
#include "ctl/propose.h"
#include "ctl/wildcards.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

static void
no_error(void *arg, unsigned int line, unsigned int column, const char *text)
{
	(void)arg;
	fprintf(stderr, "%u:%u: %s\n", line, column, text);
	abort();
}

/* By a file, as the program does. */
static void
gather(struct wants *w, const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[32];

	if (fd == -1)
		require((fd = memfd_create("log", MFD_CLOEXEC)) != -1);
	require(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	    write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	require(gather_log(w, path) == 0);
}

/* What is printed; the caller frees it. */
static char *
propose(struct propose *o, const struct needs *needs, size_t *len)
{
	FILE *before = stdout;
	char *text = NULL;

	stdout = open_memstream(&text, len);
	require(stdout != NULL);
	propose_rules(o, needs);
	require(fclose(stdout) == 0);
	stdout = before;
	return (text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t ports[] = { WANTS_PORT(IPPROTO_TCP, 443),
	    WANTS_PORT(IPPROTO_UDP, 443) };
	struct propose o = { .groups_left = size % 4 };
	struct acl_compiled compiled;
	struct wants w = { .n = 0 };
	struct texts texts;
	struct texts_ask ask;
	struct needs needs;
	char *text;
	size_t len;

	gather(&w, data, size);
	wants_settle(&w, ports, size % 3);
	wants_tidy(&w);
	if (size % 2 == 0)
		wildcards_fold(&w, 2);
	wants_tidy(&w);
	needs_make(&needs, &w);
	text = propose(&o, &needs, &len);
	texts_begin(&texts, "list", text, len);
	require(!texts_next(&texts, &ask));
	require(acl_compile(&texts, false, no_error, NULL, &compiled) == 0);
	require((compiled.rules > 0) == (needs.n > 0));
	free(compiled.image);
	texts_free(&texts);
	o.json = true;
	text = propose(&o, &needs, &len);
	require(memchr(text, '\033', len) == NULL);
	free(text);
	needs_free(&needs);
	wants_free(&w);
	return (0);
}
