/* Paths of included files, their messages, and directories. */
#include <criterion/criterion.h>

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aclfile.h"
#include "includemsg.h"

static int dir = -1;
static char path[] = "/tmp/dnsfw-aclfile.XXXXXX";

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(path));
	dir = open(path, O_PATH | O_DIRECTORY);
	cr_assert_neq(dir, -1);
}

static void
tear_down(void)
{
	char command[64];

	close(dir);
	snprintf(command, sizeof(command), "rm -r %s", path);
	cr_assert_eq(system(command), 0);
}

TestSuite(aclfile, .init = set_up, .fini = tear_down, .timeout = 30);

static void
make(const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT, 0600);

	cr_assert_neq(fd, -1);
	close(fd);
}

static void
expect_next(const char *after, enum aclfile_trouble trouble, const char *want)
{
	char name[ACLPATH_SIZE];
	size_t i;

	cr_assert_eq(aclfile_next(dir, "d", after, name), trouble);
	if (want == NULL)
		return;
	cr_assert_str_eq(name, want);
	/* As a message has it: nothing is behind it. */
	for (i = strlen(want); i < sizeof(name); i++)
		cr_assert_eq(name[i], '\0', "%s: octet %zu", want, i);
}

/* In whatever order the file system tells them. */
Test(aclfile, U11_long_and_short_names)
{
	static char names[64][ACLPATH_SIZE];
	size_t i;

	cr_assert_eq(mkdirat(dir, "d", 0700), 0);
	for (i = 0; i < 64; i++) {
		snprintf(names[i], sizeof(names[i]), "d/%02zu%.*s.acl", i,
		    (int)(63 - i), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		make(names[i]);
	}
	for (i = 0; i < 64; i++)
		expect_next(i == 0 ? "" : names[i - 1] + 2, ACLFILE_OK,
		    names[i] + 2);
}

Test(aclfile, U11_names_of_a_directory_in_order)
{
	expect_next("", ACLFILE_MISSING, NULL);
	make("d");
	expect_next("", ACLFILE_NODIR, NULL);
	cr_assert_eq(unlinkat(dir, "d", 0), 0);
	cr_assert_eq(mkdirat(dir, "d", 0700), 0);
	expect_next("", ACLFILE_END, NULL);
	make("d/b.acl");
	make("d/a.acl");
	make("d/10.acl");
	make("d/.hidden.acl");
	make("d/a.acl~");
	make("d/.acl");
	make("d/README");
	expect_next("", ACLFILE_OK, "10.acl");
	expect_next("10.acl", ACLFILE_OK, "a.acl");
	expect_next("a", ACLFILE_OK, "a.acl");
	expect_next("a.acl", ACLFILE_OK, "b.acl");
	expect_next("b.acl", ACLFILE_END, NULL);
	make("d/a b.acl");
	expect_next("", ACLFILE_NAME, NULL);
}

Test(aclfile, U11_number_of_files_of_a_directory)
{
	char name[32];
	int i;

	cr_assert_eq(mkdirat(dir, "d", 0700), 0);
	for (i = 0; i < ACLFILE_ENTRIES_MAX; i++) {
		snprintf(name, sizeof(name), "d/%04d", i);
		make(name);
	}
	expect_next("", ACLFILE_END, NULL);
	make("d/a.acl");
	expect_next("", ACLFILE_MANY, NULL);
}

static void
expect_open(const char *name, enum aclfile_trouble want)
{
	enum aclfile_trouble why = ACLFILE_OK;
	int fd = aclfile_open(dir, name, &why);

	cr_assert_eq(why, want);
	cr_assert_eq(fd != -1, want == ACLFILE_OK);
	if (fd != -1)
		close(fd);
}

Test(aclfile, U11_only_regular_files)
{
	make("a.acl");
	cr_assert_eq(mkdirat(dir, "d.acl", 0700), 0);
	cr_assert_eq(mkfifoat(dir, "f.acl", 0600), 0);
	cr_assert_eq(symlinkat("a.acl", dir, "l.acl"), 0);
	cr_assert_eq(symlinkat("l2.acl", dir, "l2.acl"), 0);
	cr_assert_eq(symlinkat("/dev/null", dir, "n.acl"), 0);
	expect_open("a.acl", ACLFILE_OK);
	expect_open("l.acl", ACLFILE_OK);
	expect_open("b.acl", ACLFILE_MISSING);
	expect_open("a.acl/b.acl", ACLFILE_NODIR);
	expect_open("d.acl", ACLFILE_KIND);
	expect_open("f.acl", ACLFILE_KIND);
	expect_open("n.acl", ACLFILE_KIND);
	expect_open("l2.acl", ACLFILE_DENIED);
}

static bool
is_good(const char *text)
{
	return (aclpath_is_good(text, strlen(text)));
}

Test(aclfile, U11_paths)
{
	char longest[ACLPATH_SIZE + 1];

	cr_assert(is_good("a"));
	cr_assert(is_good("conf.d/10-kids_A+b@c.acl"));
	cr_assert(is_good("-/a"));
	cr_assert_not(is_good(""));
	cr_assert_not(is_good("/a"));
	cr_assert_not(is_good("a/"));
	cr_assert_not(is_good("a//b"));
	cr_assert_not(is_good("."));
	cr_assert_not(is_good(".."));
	cr_assert_not(is_good("a/../b"));
	cr_assert_not(is_good("a/.b"));
	cr_assert_not(is_good("a b"));
	cr_assert_not(is_good("a\n"));
	cr_assert_not(is_good("a:b"));
	cr_assert_not(is_good("\xc3\xa4"));
	cr_assert_not(aclpath_is_good("a\0b", 3));
	memset(longest, 'x', sizeof(longest));
	cr_assert(aclpath_is_good(longest, ACLPATH_SIZE - 1));
	cr_assert_not(aclpath_is_good(longest, ACLPATH_SIZE));
	cr_assert(aclpath_is_file("a.acl", 5));
	cr_assert_not(aclpath_is_file(".acl", 4));
	cr_assert_not(aclpath_is_file("d/.acl", 6));
	cr_assert_not(aclpath_is_file("a.ACL", 5));
	cr_assert_not(aclpath_is_file("a.aclx", 6));
}

Test(aclfile, U11_messages)
{
	struct msg_include in = { .type = MSG_INCLUDE, .path = "d/a.acl" }, out;
	struct msg_included done = { .type = MSG_INCLUDED, .name = "a.acl" };
	struct msg_included then;

	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_OK);
	cr_assert_eq(msg_include_decode(&in, sizeof(in) - 1, &out), MSG_ESIZE);
	in.pad[1] = 1;
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_EPAD);
	in.pad[1] = 0;
	in.directory = 2;
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_EVALUE);
	in.directory = 1;
	strcpy(in.after, "x.acl");
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_OK);
	in.after[7] = 'x';
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_ETEXT);
	in.after[7] = '\0';
	in.directory = 0;
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_EVALUE);
	memset(in.after, 0, sizeof(in.after));
	/* What is no list's, or not below. */
	strcpy(in.path, "dnsfw.conf");
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_ETEXT);
	strcpy(in.path, "../a.acl");
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_ETEXT);
	memset(in.path, 'x', sizeof(in.path));
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_ETEXT);
	memset(in.path, 0, sizeof(in.path));
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_ETEXT);
	in.type = MSG_INCLUDED;
	cr_assert_eq(msg_include_decode(&in, sizeof(in), &out), MSG_ETYPE);
	cr_assert_eq(msg_included_decode(&done, sizeof(done), &then), MSG_OK);
	cr_assert_eq(msg_included_decode(&done, sizeof(done) + 1, &then),
	    MSG_ESIZE);
	done.trouble = ACLFILE_TROUBLES;
	cr_assert_eq(msg_included_decode(&done, sizeof(done), &then),
	    MSG_EVALUE);
	done.trouble = 0;
	done.name[0] = '.';
	cr_assert_eq(msg_included_decode(&done, sizeof(done), &then),
	    MSG_ETEXT);
	memset(done.name, 0, sizeof(done.name));
	cr_assert_eq(msg_included_decode(&done, sizeof(done), &then), MSG_OK);
	done.type = MSG_INCLUDE;
	cr_assert_eq(msg_included_decode(&done, sizeof(done), &then),
	    MSG_ETYPE);
}
