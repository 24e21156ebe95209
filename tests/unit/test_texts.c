/* The texts of a list: what is asked for, and which line is where. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/image.h"
#include "acl/texts.h"
#include "addrtext.h"
#include "includemsg.h"

#define SAID_SIZE	8192

/* Files that there are, of all that a test has; the end has no path. */
struct file {
	const char	*path, *text;
};

static char said[SAID_SIZE];		/* errors, a line each */

static char *
copy_of(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	memcpy(copy, text, len);
	return (copy);
}

static const struct file *
find(const struct file *files, const char *path)
{
	for (; files->path != NULL && strcmp(files->path, path) != 0; files++)
		;
	return (files->path == NULL ? NULL : files);
}

/* The next one in that directory, or NULL. */
static const struct file *
find_next(const struct file *files, const struct texts_ask *ask)
{
	size_t len = strlen(ask->path);
	const struct file *found = NULL;
	const char *name;

	for (; files->path != NULL; files++) {
		name = files->path + len + 1;
		if (strncmp(files->path, ask->path, len) != 0 ||
		    files->path[len] != '/' || strchr(name, '/') != NULL ||
		    strcmp(name, ask->after) <= 0)
			continue;
		if (found == NULL || strcmp(name, found->path + len + 1) < 0)
			found = files;
	}
	return (found);
}

/* It goes into a message as it is: behind the NUL is nothing. */
static void
expect_padded(const char field[ACLPATH_SIZE])
{
	size_t i;

	for (i = strlen(field); i < ACLPATH_SIZE; i++)
		cr_assert_eq(field[i], '\0', "%s: octet %zu", field, i);
}

/* A text that is NULL cannot be read. */
static void
answer(struct texts *t, const struct file *files, const struct texts_ask *ask)
{
	const struct file *f = ask->directory ? find_next(files, ask) :
	    find(files, ask->path);
	const char *name = "";

	if (f == NULL && ask->directory) {
		texts_end(t, "none there");
		return;
	}
	if (f != NULL && ask->directory)
		name = strrchr(f->path, '/') + 1;
	if (f == NULL || f->text == NULL)
		texts_refuse(t, name, "not there");
	else
		texts_give(t, name, copy_of(f->text, strlen(f->text)),
		    strlen(f->text));
}

static void
load(struct texts *t, const struct file *files)
{
	struct texts_ask ask;

	texts_begin(t, "/etc/dnsfw/own.acl", copy_of(files->text,
	    strlen(files->text)), strlen(files->text));
	while (texts_next(t, &ask)) {
		expect_padded(ask.path);
		expect_padded(ask.after);
		answer(t, files, &ask);
	}
	cr_assert_not(t->out_of_memory);
}

static void
say(void *arg, unsigned int line, unsigned int column, const char *text)
{
	const struct texts_file *file = texts_place(arg, &line);
	size_t used = strlen(said);

	snprintf(said + used, sizeof(said) - used, "%s:%u:%u: %s\n",
	    file->path, line, column, text);
}

/* Its errors, all of them. */
static void
expect(const struct file *files, const char *errors)
{
	struct acl_compiled c;
	struct texts t;

	said[0] = '\0';
	load(&t, files);
	cr_assert_eq(acl_compile(&t, false, say, &t, &c),
	    errors[0] == '\0' ? 0 : -1);
	cr_assert_str_eq(said, errors);
	texts_free(&t);
	free(c.image);
}

TestSuite(texts, .timeout = 30);

Test(texts, U11_lines_stand_behind_the_include)
{
	static const struct file files[] = {
		{ "own.acl", "# one\ninclude a.acl\n# two\n"
		    "include d\r\n# three" },
		{ "a.acl", "# four\n\ninclude sub/b.acl" },
		{ "sub/b.acl", "\xef\xbb\xbf# five\n" },
		{ "d/2.acl", "# six\n" }, { "d/10.acl", "# seven" },
		{ "d/3.acl", "" },
		{ NULL, NULL } };
	static const struct {
		const char *text, *path;
		uint32_t line;
	} want[] = { { "# one", "own.acl", 1 },
		{ "include a.acl", "own.acl", 2 }, { "# four", "a.acl", 1 },
		{ "", "a.acl", 2 }, { "include sub/b.acl", "a.acl", 3 },
		{ "# five", "sub/b.acl", 1 }, { "# two", "own.acl", 3 },
		{ "include d", "own.acl", 4 }, { "# seven", "d/10.acl", 1 },
		{ "# six", "d/2.acl", 1 }, { "# three", "own.acl", 5 } };
	const size_t nwant = sizeof(want) / sizeof(want[0]);
	struct texts_at at = { .part = 0 }, sought;
	const struct texts_file *f;
	struct lex_line line;
	uint32_t number;
	struct texts t;
	size_t i;

	load(&t, files);
	cr_assert_eq(t.nwrongs, 0);
	cr_assert_eq(t.lines, nwant);
	for (i = 0; i < nwant; i++) {
		cr_assert(texts_line(&t, &at, &line));
		cr_assert_eq(at.number, i + 1);
		cr_assert(line.len == strlen(want[i].text) &&
		    memcmp(line.text, want[i].text, line.len) == 0);
		number = at.number;
		f = texts_place(&t, &number);
		cr_assert_str_eq(f->path, want[i].path);
		cr_assert_eq(number, want[i].line);
		texts_seek(&t, at.number, &sought);
		cr_assert(texts_line(&t, &sought, &line));
		cr_assert(sought.number == at.number &&
		    line.len == strlen(want[i].text) &&
		    memcmp(line.text, want[i].text, line.len) == 0);
	}
	cr_assert_not(texts_line(&t, &at, &line));
	number = 6;
	cr_assert_str_eq(texts_place(&t, &number)->shown,
	    "/etc/dnsfw/sub/b.acl");
	texts_free(&t);
}

Test(texts, U11_a_list_alone_and_an_empty_one)
{
	static const struct file none[] = { { "own.acl", "" }, { NULL, NULL } };
	static const struct file one[] = { { "own.acl", "\n\n::1 ~> a" },
		{ NULL, NULL } };
	struct texts_at at = { .part = 0 };
	struct lex_line line;
	uint32_t number = 3;
	struct texts t;

	load(&t, none);
	cr_assert_not(texts_line(&t, &at, &line));
	texts_seek(&t, 1, &at);
	cr_assert_not(texts_line(&t, &at, &line));
	texts_free(&t);
	load(&t, one);
	cr_assert_eq(t.nparts, 1);
	cr_assert_str_eq(texts_place(&t, &number)->path, "own.acl");
	cr_assert_eq(number, 3);
	texts_free(&t);
}

Test(texts, U11_each_error_at_its_include)
{
	static const struct file files[] = {
		{ "own.acl", "include a.acl\n include no.acl # there\n"
		    "include no\ninclude d\ninclude d/x.acl\ninclude\n"
		    "include /a.acl\ninclude ../a.acl\ninclude .a.acl\n"
		    "include a..acl\ninclude a//b.acl\ninclude a.acl b.acl\n"
		    "include=a.acl\ninclude b:c.acl\nincluded a.acl\n"
		    "Include a.acl\n" },
		{ "a.acl", "::1 -> x\ninclude no.acl\ninclude b.acl" },
		{ "b.acl", "include c.acl\n" },
		{ "c.acl", "\ninclude a.acl\n" },
		{ "d/x.acl", "::1 ~> x\n" }, { "d/y.acl", NULL },
		{ "d/z.acl", "::1\n" },
		{ NULL, NULL } };
	const char *path = "expected a path below this file's directory: names "
	    "of letters, digits and \"._+@-\" that do not begin with a dot";
	const char *client =
	    "expected a client: an IPv4 or IPv6 address or subnet";
	char want[SAID_SIZE];

	snprintf(want, sizeof(want),
	    "a.acl:1:9: expected \":PROTOCOL:PORT\" after the name (only "
	    "\"~>\" and \"-|\" go without)\n"
	    "a.acl:2:9: cannot include \"no.acl\": not there\n"
	    "c.acl:2:9: a file that includes itself: a.acl:3, b.acl:1, "
	    "c.acl:2\n"
	    "own.acl:2:10: cannot include \"no.acl\": not there\n"
	    "own.acl:3:9: cannot include \"no\": none there\n"
	    "own.acl:4:9: cannot include \"d/y.acl\": not there\n"
	    "d/z.acl:1:4: expected \"->\", \"~>\" or \"-|\"\n"
	    "own.acl:5:9: the list has \"d/x.acl\" already: own.acl:4 "
	    "includes it\n"
	    "own.acl:6:8: expected a file, or a directory with files whose "
	    "names end in \".acl\"\n"
	    "own.acl:7:9: expected a path that is relative to this file's "
	    "directory\n"
	    "own.acl:8:9: %s\nown.acl:9:9: %s\n"
	    "own.acl:10:9: cannot include \"a..acl\": not there\n"
	    "own.acl:11:9: %s\n"
	    "own.acl:12:15: expected the end of the line\n"
	    "own.acl:13:8: expected a file, or a directory with files whose "
	    "names end in \".acl\"\n"
	    "own.acl:14:9: %s\nown.acl:15:1: %s\nown.acl:16:1: %s\n",
	    path, path, path, path, client, client);
	expect(files, want);
}

Test(texts, U11_own_file_in_a_loop_and_other_places_in_errors)
{
	static const struct file files[] = {
		{ "own.acl", "@g = ::1\n::1 ~> a\ninclude a.acl\n" },
		{ "a.acl", "include own.acl\n@g = ::2\n::1 -| a\n::1 ~> b\n"
		    "::1 -| b\n@g ~> c\n@g += ::3\n" },
		{ NULL, NULL } };

	expect(files,
	    "a.acl:1:9: a file that includes itself: own.acl:3, a.acl:1\n"
	    "a.acl:2:1: the group is there since line 1 of own.acl: \"+=\" "
	    "adds to it\n"
	    "a.acl:3:8: conflicts with line 2 of own.acl: the same client and "
	    "name are allowed there\n"
	    "a.acl:5:8: conflicts with line 4: the same client and name are "
	    "allowed there\n"
	    "a.acl:7:1: the rule of line 6 has the group already: add to it "
	    "above\n");
}

/* A chain of so many files, the list's own with it. */
static void
load_chain(struct texts *t, unsigned int files)
{
	char text[64];
	struct texts_ask ask;
	unsigned int n = 1;

	texts_begin(t, "own", copy_of("include 1.acl", 13), 13);
	while (texts_next(t, &ask)) {
		snprintf(text, sizeof(text), n + 1 < files ?
		    "include %u.acl\n" : "# %u\n", n + 1);
		n++;
		texts_give(t, "", copy_of(text, strlen(text)), strlen(text));
	}
}

Test(texts, U11_depth)
{
	struct texts t;

	load_chain(&t, TEXTS_DEPTH_MAX);
	cr_assert(t.nwrongs == 0 && t.nfiles == TEXTS_DEPTH_MAX);
	texts_free(&t);
	load_chain(&t, TEXTS_DEPTH_MAX + 1);
	cr_assert(t.nwrongs == 1 && t.nfiles == TEXTS_DEPTH_MAX);
	cr_assert_str_eq(t.wrongs[0].text,
	    "more than 8 files that include each other");
	cr_assert_eq(t.wrongs[0].line, TEXTS_DEPTH_MAX);
	texts_free(&t);
}

/* A list that includes so many files; returns the number of asks. */
static unsigned int
load_many(struct texts *t, unsigned int files)
{
	char *text = malloc(files * 32UL + 1);
	unsigned int i, asks = 0;
	struct texts_ask ask;
	size_t len = 0;

	for (i = 0; i < files; i++)
		len += (size_t)sprintf(text + len, "include %u.acl\n", i);
	texts_begin(t, "own", text, len);
	for (; texts_next(t, &ask); asks++)
		texts_give(t, "", copy_of("\n", 1), 1);
	return (asks);
}

Test(texts, U11_number_of_files)
{
	struct texts t;

	cr_assert_eq(load_many(&t, INCLUDES_MAX), INCLUDES_MAX);
	cr_assert(t.nwrongs == 0 && t.nfiles == INCLUDES_MAX + 1);
	cr_assert_eq(t.lines, 2 * INCLUDES_MAX);
	texts_free(&t);
	cr_assert_eq(load_many(&t, INCLUDES_MAX + 1), INCLUDES_MAX);
	cr_assert(t.nwrongs == 1 && t.nfiles == INCLUDES_MAX + 1);
	cr_assert_str_eq(t.wrongs[0].text,
	    "more than 1024 files and directories are included");
	cr_assert_eq(t.wrongs[0].line, 2 * INCLUDES_MAX + 1);
	texts_free(&t);
}

Test(texts, U11_size_of_all_texts)
{
	struct texts_ask ask;
	struct texts t;

	texts_begin(&t, "own", copy_of("include a.acl\ninclude b.acl", 27), 27);
	cr_assert(texts_next(&t, &ask));
	/* What is said of its size is all that counts here. */
	texts_give(&t, "", copy_of("", 0), 0);
	t.size = TEXTS_SIZE_MAX - 10;
	cr_assert(texts_next(&t, &ask));
	texts_give(&t, "", copy_of("\n1234567890", 11), 11);
	cr_assert_not(texts_next(&t, &ask));
	cr_assert_eq(t.nwrongs, 1);
	cr_assert_str_eq(t.wrongs[0].text,
	    "\"b.acl\": the list is longer than 1 GiB");
	texts_free(&t);
	texts_begin(&t, "own", copy_of("include b.acl", 13), 13);
	t.size = TEXTS_SIZE_MAX - 10;
	cr_assert(texts_next(&t, &ask));
	texts_give(&t, "", copy_of("\n123456789", 10), 10);
	cr_assert_not(texts_next(&t, &ask));
	cr_assert(t.nwrongs == 0 && t.size == TEXTS_SIZE_MAX);
	texts_free(&t);
}

/* "include ", then a directory and a name that make that length. */
static void
expect_length(size_t len, bool good)
{
	char own[512], name[256], *text;
	struct texts_ask ask;
	struct texts t;

	memset(name, 'x', sizeof(name));
	memcpy(name + len - 2 - 4, ".acl", sizeof(".acl"));
	snprintf(own, sizeof(own), "include d/i.acl\n");
	texts_begin(&t, "own", copy_of(own, strlen(own)), strlen(own));
	cr_assert(texts_next(&t, &ask));
	cr_assert_str_eq(ask.path, "d/i.acl");
	snprintf(own, sizeof(own), "include %s\n", name);
	text = copy_of(own, strlen(own));
	texts_give(&t, "", text, strlen(own));
	cr_assert_eq(texts_next(&t, &ask), good);
	cr_assert_eq(t.nwrongs, !good);
	if (good)
		cr_assert_eq(strlen(ask.path), len);
	else
		cr_assert_str_eq(t.wrongs[0].text,
		    "a path of more than 127 octets");
	texts_free(&t);
}

Test(texts, U11_length_of_a_path)
{
	expect_length(ACLPATH_SIZE - 1, true);
	expect_length(ACLPATH_SIZE, false);
}

/* Where the image says that a rule is. */
static void
expect_place(const struct acl_image *image, const char *name,
    const char *path, uint32_t line)
{
	const struct addr client = { ADDR_V6, { [15] = 1 } };
	struct acl_decision d;
	struct dns_name n;
	size_t bad;

	cr_assert_eq(dns_name_parse(name, strlen(name), &n, &bad), DNS_OK);
	acl_decide(image, &client, &n, &d);
	cr_assert_eq(d.verdict, ACL_ALLOW);
	cr_assert_str_eq(acl_image_place(image, &d.line), path);
	cr_assert_eq(d.line, line);
}

Test(texts, U11_places_in_the_image)
{
	static const struct file files[] = {
		{ "own.acl", "::1 ~> a\ninclude d\n::1 ~> b\n" },
		{ "d/1.acl", "\n::1 ~> c\n::1 ~> d\n" },
		{ "d/2.acl", "include e/3.acl\n::1 ~> e" },
		{ "d/e/3.acl", "::1 ~> f\n" },
		{ NULL, NULL } };
	const struct acl_image *image;
	struct acl_compiled c;
	const char *why;
	struct texts t;
	uint32_t sum;

	load(&t, files);
	cr_assert_eq(acl_compile(&t, false, say, &t, &c), 0);
	image = acl_image_open(c.image, c.size, &why);
	cr_assert_not_null(image);
	cr_assert_null(acl_image_check(image));
	expect_place(image, "a", "", 1);
	expect_place(image, "b", "", 3);
	expect_place(image, "c", "d/1.acl", 2);
	expect_place(image, "d", "d/1.acl", 3);
	expect_place(image, "e", "d/2.acl", 2);
	expect_place(image, "f", "d/e/3.acl", 1);
	sum = c.sum;
	texts_free(&t);
	free(c.image);
	/* Another included text is another list. */
	load(&t, (const struct file []){ files[0], files[1], files[2],
	    { "d/e/3.acl", "::1 ~> g\n" }, { NULL, NULL } });
	cr_assert_eq(acl_compile(&t, false, say, &t, &c), 0);
	cr_assert_neq(c.sum, sum);
	texts_free(&t);
	free(c.image);
}

/* Names of a directory, of which each is shorter than the one before. */
Test(texts, U11_a_shorter_name_behind_a_longer_one)
{
	const struct file files[] = { { "own.acl", "include d\n" },
	    { "d/aaaaaaaa.acl", "::1 ~> a\n" }, { "d/bb.acl", "::1 ~> b\n" },
	    { "d/c.acl", "::1 ~> c\n" }, { NULL, NULL } };
	struct texts t;

	load(&t, files);
	cr_assert_eq(t.nfiles, 4);
	texts_free(&t);
}
