/* Which files the keeper opens for the compiler. */
#include <criterion/criterion.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aclfile.h"
#include "includemsg.h"
#include "keep/children.h"
#include "keep/include.h"
#include "keepconf.h"

struct child children_compiler = { .name = "compiler" };

static struct msg_included answer;
static struct stat sent;		/* of the descriptor; all zero: none */
static char top[] = "/tmp/dnsfw-include.XXXXXX";

void
children_malformed(const struct child *c, const char *why)
{
	(void)c;
	(void)why;
	_exit(42);
}

void
children_send(struct child *c, const void *buf, size_t len, int fd)
{
	cr_assert_eq(c, &children_compiler);
	cr_assert_eq(msg_included_decode(buf, len, &answer), MSG_OK);
	memset(&sent, 0, sizeof(sent));
	if (fd != -1)
		cr_assert_eq(fstat(fd, &sent), 0);
	cr_assert_eq(fd != -1, answer.trouble == ACLFILE_OK);
	cr_assert(fd == -1 || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
}

static void
set_up(void)
{
	int fd;

	cr_assert_not_null(mkdtemp(top));
	cr_assert_eq(chdir(top), 0);
	cr_assert_eq(system("mkdir -p dir/d dir/x.acl && cd dir && touch list "
	    "key a.acl d/1.acl d/2.acl d/key ../out.acl && mkfifo d/3.acl && "
	    "touch d/4.acl"), 0);
	fd = open("dir", O_PATH | O_DIRECTORY);
	cr_assert_neq(fd, -1);
	cr_assert_eq(dup2(fd, KEEP_FD_ACL_DIR), KEEP_FD_ACL_DIR);
	include_begin();
}

static void
tear_down(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", top);
	cr_assert_eq(system(command), 0);
}

TestSuite(keep_include, .init = set_up, .fini = tear_down, .timeout = 30);

static void
ask(unsigned int directory, const char *path, const char *after)
{
	struct msg_include m = { .type = MSG_INCLUDE,
	    .directory = (uint8_t)directory };

	memcpy(m.path, path, strlen(path));
	memcpy(m.after, after, strlen(after));
	include_serve((const uint8_t *)&m, sizeof(m));
}

/* Exactly that file was handed over. */
static void
expect_file(const char *path)
{
	struct stat st;

	cr_assert_eq(fstatat(KEEP_FD_ACL_DIR, path, &st, 0), 0);
	cr_assert_eq(answer.trouble, ACLFILE_OK);
	cr_assert(st.st_ino == sent.st_ino && st.st_dev == sent.st_dev);
}

static void
expect_trouble(enum aclfile_trouble trouble)
{
	cr_assert_eq(answer.trouble, trouble);
	cr_assert_eq(sent.st_ino, 0);
}

Test(keep_include, U11_files_of_the_directory)
{
	ask(0, "a.acl", "");
	expect_file("a.acl");
	cr_assert_str_eq(answer.name, "");
	ask(0, "d/1.acl", "");
	expect_file("d/1.acl");
	ask(0, "d/none.acl", "");
	expect_trouble(ACLFILE_MISSING);
	ask(0, "x.acl", "");
	expect_trouble(ACLFILE_KIND);
	ask(1, "d", "");
	expect_file("d/1.acl");
	cr_assert_str_eq(answer.name, "1.acl");
	ask(1, "d", "1.acl");
	expect_file("d/2.acl");
	ask(1, "d", "2.acl");
	expect_trouble(ACLFILE_KIND);
	cr_assert_str_eq(answer.name, "3.acl");
	ask(1, "d", "3.acl");
	expect_file("d/4.acl");
	ask(1, "d", "4.acl");
	expect_trouble(ACLFILE_END);
	cr_assert_str_eq(answer.name, "");
	ask(1, "key", "");
	expect_trouble(ACLFILE_NODIR);
}

/* The program ends when that is asked for. */
static void
expect_end(unsigned int directory, const char *path, const char *after)
{
	pid_t pid = fork();
	int status;

	cr_assert_neq(pid, -1);
	if (pid == 0) {
		ask(directory, path, after);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "%s", path);
}

Test(keep_include, U11_nothing_else_is_opened)
{
	static const char *const wrong[] = { "key", "list", "d/key", "..",
	    "../out.acl", "d/../../out.acl", "/etc/passwd", "/etc/x.acl",
	    "./a.acl", ".a.acl", "d//1.acl", "d/.acl", "", "a.acl/",
	    "a\n.acl", "d" };
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect_end(0, wrong[i], "");
	expect_end(1, "..", "");
	expect_end(1, ".", "");
	expect_end(1, "/etc", "");
	expect_end(1, "d", "../x.acl");
	expect_end(0, "a.acl", "b.acl");
}

Test(keep_include, U11_so_many_of_a_list)
{
	unsigned int i;

	for (i = 0; i < INCLUDES_MAX; i++)
		ask(0, "a.acl", "");
	expect_file("a.acl");
	expect_end(0, "a.acl", "");
	include_begin();
	ask(0, "a.acl", "");
	expect_file("a.acl");
}
