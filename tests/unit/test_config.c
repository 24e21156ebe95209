/* The file of --config (section 6). */
#include <criterion/criterion.h>

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

/* "LINE KEY=VALUE|" for each assignment, "LINE !what|" for a wrong line. */
static void
expect(const char *text, const char *items)
{
	char *copy = strdup(text), got[1024] = "";
	struct config c = { copy, 1 };
	struct config_item item;
	size_t at = 0;

	while (config_next(&c, &item))
		at += (size_t)snprintf(got + at, sizeof(got) - at,
		    "%u %s%s%s|", item.line, item.key == NULL ? "!" : item.key,
		    item.key == NULL ? "" : "=",
		    item.key == NULL ? item.wrong : item.value);
	cr_expect_str_eq(got, items, "%s\ngot  %s\nwant %s", text, got, items);
	free(copy);
}

Test(config, assignments)
{
	expect("", "");
	expect("\n \t\r\n", "");
	expect("A=1", "1 A=1|");
	expect("A=1\n\nB_2=x=y\n", "1 A=1|3 B_2=x=y|");
	expect("  A \t=\t 1 2 \t\r\nB=\n", "1 A=1 2|2 B=|");
	expect("A=1\r\nB=2\r\n", "1 A=1|2 B=2|");
	/* Nothing is expanded, and a '#' inside is no comment. */
	expect("A=$B `c` # d\n", "1 A=$B `c` # d|");
	expect("A=inet \"x\" 'y'\n", "1 A=inet \"x\" 'y'|");
}

Test(config, comments)
{
	expect("# A=1\n;B=2\n  # C=3\nD=4", "4 D=4|");
	/* A comment ends with its line. */
	expect("# A=1 \\\nB=2\n", "2 B=2|");
}

Test(config, backslashes)
{
	expect("A=1\\\n2\\\n  3\nB=4\n", "1 A=12  3|4 B=4|");
	expect("A=a\\b\\\\c\\ \nB=\\\"x\n", "1 A=ab\\c |2 B=\"x|");
	expect("A=1\\", "1 A=1\\|");
	expect("A=\\", "1 A=\\|");
	expect("A=\\\n", "1 A=|");
}

Test(config, quotes)
{
	expect("A=\"1 \" \t\r\nB=' 2'\nC=''\nD=\"\"",
	    "1 A=1 |2 B= 2|3 C=|4 D=|");
	expect("A=\"\\\"\\\\\\`\\$\\x\"\n", "1 A=\"\\`$\\x|");
	expect("A='\\'\nB='\"'\nC=\"'\"\n", "1 A=\\|2 B=\"|3 C='|");
}

Test(config, wrong_lines)
{
	expect("A\nB=1\n", "1 !expected KEY=value|2 B=1|");
	expect("=1\n", "1 !expected KEY=value|");
	expect("export A=1\n", "1 !expected KEY=value|");
	expect("A-B=1\nA.B=1\n",
	    "1 !expected KEY=value|2 !expected KEY=value|");
	expect("\xef\xbb\xbf" "A=1\n", "1 !expected KEY=value|");
	expect("A\n=1\n", "1 !expected KEY=value|2 !expected KEY=value|");
	expect("A=\"1\nB=2\n",
	    "1 !expected a closing quote in the same line|2 B=2|");
	expect("A='1", "1 !expected a closing quote in the same line|");
	expect("A=\"1\\\"\nB=2", "1 !expected a closing quote in the same "
	    "line|2 B=2|");
	expect("A=\"1\" 2\nB='1'#\nC=3", "1 !expected the end of the line "
	    "behind the closing quote|2 !expected the end of the line behind "
	    "the closing quote|3 C=3|");
}

static void
expect_file(size_t size, const char *why)
{
	char path[] = "/tmp/test-config.XXXXXX";
	const char *got = NULL;
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	char *text;
	size_t i;

	cr_assert_not_null(f);
	for (i = 0; i < size; i++)
		putc('#', f);
	fclose(f);
	text = config_load(path, &got);
	unlink(path);
	cr_assert_eq(text == NULL, why != NULL);
	if (why == NULL)
		cr_assert_eq(strlen(text), size);
	else
		cr_assert_str_eq(got, why);
}

Test(config, size_of_the_file)
{
	expect_file(0, NULL);
	expect_file(1, NULL);
	expect_file(CONFIG_SIZE_MAX, NULL);
	expect_file(CONFIG_SIZE_MAX + 1, "longer than 64 KiB");
	expect_file(3 * CONFIG_SIZE_MAX, "longer than 64 KiB");
}

Test(config, files_that_are_none)
{
	char dir[] = "/tmp/test-config.XXXXXX", path[64];
	const char *why;
	FILE *f;

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_null(config_load(dir, &why));
	cr_expect_str_eq(why, "not a regular file");
	snprintf(path, sizeof(path), "%s/x", dir);
	cr_assert_null(config_load(path, &why));
	cr_expect_str_eq(why, "No such file or directory");
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_null(config_load(path, &why));
	cr_expect_str_eq(why, "not a regular file");
	unlink(path);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fwrite("A=1\0B=2", 1, 7, f);
	fclose(f);
	cr_assert_null(config_load(path, &why));
	cr_expect_str_eq(why, "a NUL is in it");
	unlink(path);
	rmdir(dir);
}
