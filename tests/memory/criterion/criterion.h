/*
 * As much of Criterion as the units of pure code use, in a header: the library
 * is not built with MemorySanitizer, which must see all that runs.  Each test
 * runs in a process of its own, as there.
 */
#ifndef CRITERION_CRITERION_H
#define CRITERION_CRITERION_H

#include <sys/wait.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct test {
	const char	*name;
	void		(*run)(void);
	struct test	*next;
};

static struct test *tests;

static inline void
test_check(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	_exit(1);
}

#define TestSuite(suite, ...) struct test
#define Test(suite, test_name, ...)					\
	static void test_##suite##_##test_name(void);			\
	static void __attribute__((constructor))			\
	test_##suite##_##test_name##_add(void)				\
	{								\
		static struct test t = { #suite "::" #test_name,	\
		    test_##suite##_##test_name, NULL };			\
									\
		t.next = tests;						\
		tests = &t;						\
	}								\
	static void test_##suite##_##test_name(void)

/* Behind the condition there may be a text and what belongs into it. */
#define cr_assert(ok, ...)						\
	test_check(ok, #ok, __FILE__, __LINE__)
#define cr_assert_not(ok, ...)		cr_assert(!(ok))
#define cr_assert_null(a, ...)		cr_assert((a) == NULL)
#define cr_assert_not_null(a, ...)	cr_assert((a) != NULL)
#define cr_assert_eq(a, b, ...)		cr_assert((a) == (b))
#define cr_assert_neq(a, b, ...)	cr_assert((a) != (b))
#define cr_assert_lt(a, b, ...)		cr_assert((a) < (b))
#define cr_assert_leq(a, b, ...)	cr_assert((a) <= (b))
#define cr_assert_gt(a, b, ...)		cr_assert((a) > (b))
#define cr_assert_str_eq(a, b, ...)	cr_assert(strcmp(a, b) == 0)
#define cr_assert_str_neq(a, b, ...)	cr_assert(strcmp(a, b) != 0)
#define cr_assert_arr_eq(a, b, n, ...)	cr_assert(memcmp(a, b, n) == 0)
#define cr_assert_fail(...)		cr_assert(false)
#define cr_expect			cr_assert
#define cr_expect_eq			cr_assert_eq
#define cr_expect_neq			cr_assert_neq

int
main(void)
{
	unsigned int n = 0, failed = 0;
	const struct test *t;
	int status;
	pid_t pid;

	for (t = tests; t != NULL; t = t->next, n++) {
		if ((pid = fork()) == 0) {
			t->run();
			_exit(0);
		}
		if (pid == -1 || waitpid(pid, &status, 0) == -1)
			return (1);
		if (status != 0) {
			fprintf(stderr, "FAILED: %s\n", t->name);
			failed++;
		}
	}
	printf("%u tests, %u failed\n", n, failed);
	return (failed != 0);
}

#endif
