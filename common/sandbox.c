/* Confinement: seccomp from a table, and Landlock. */
#include "sandbox.h"

#include <sys/syscall.h>

#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include "landlock.h"
#include "log.h"

static unsigned int
convert(const struct sandbox_rule *rule, struct scmp_arg_cmp *out)
{
	const struct sandbox_arg *a;
	unsigned int n;

	for (n = 0; n < SANDBOX_ARGS_MAX; n++) {
		a = &rule->args[n];
		if (a->op == SANDBOX_END)
			break;
		out[n].arg = a->index;
		out[n].datum_a = a->value;
		out[n].datum_b = 0;
		out[n].op = a->op == SANDBOX_EQ ? SCMP_CMP_EQ :
		    a->op == SANDBOX_LE ? SCMP_CMP_LE : SCMP_CMP_GE;
		if (a->op == SANDBOX_MASKED_EQ) {
			out[n].op = SCMP_CMP_MASKED_EQ;
			out[n].datum_a = a->mask;
			out[n].datum_b = a->value;
		}
	}
	return (n);
}

static void
allow_rules(scmp_filter_ctx ctx, const struct sandbox_rule *rules, size_t n)
{
	struct scmp_arg_cmp args[SANDBOX_ARGS_MAX];
	unsigned int nargs;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		nargs = convert(&rules[i], args);
		r = seccomp_rule_add_array(ctx, rules[i].error == 0 ?
		    SCMP_ACT_ALLOW :
		    SCMP_ACT_ERRNO((uint16_t)rules[i].error),
		    rules[i].call, nargs, args);
		if (r != 0)
			fatalx("seccomp rule %zu (%s): %s", i, rules[i].why,
			    strerror(-r));
	}
}

static scmp_filter_ctx
sandbox_filter(const struct sandbox_rule *rules, size_t n)
{
	scmp_filter_ctx ctx;
	int r;

	if ((ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL)
		fatalx("seccomp_init failed");
	/* Another architecture's numbers kill, too. */
	if ((r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS)) != 0 ||
	    (r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2)) != 0)
		fatalx("seccomp_attr_set: %s", strerror(-r));
	allow_rules(ctx, rules, n);
#ifdef DNSFW_SANITIZE
	allow_rules(ctx, sandbox_sanitizer_rules, sandbox_sanitizer_nrules);
#endif
	return (ctx);
}

void
sandbox_seccomp(const struct sandbox_rule *rules, size_t n)
{
	scmp_filter_ctx ctx = sandbox_filter(rules, n);
	int r;

	if ((r = seccomp_load(ctx)) != 0)
		fatalx("seccomp_load: %s", strerror(-r));
	seccomp_release(ctx);
}

uint32_t
sandbox_export(const struct sandbox_rule *rules, size_t n,
    struct sock_filter *out, size_t max)
{
	scmp_filter_ctx ctx = sandbox_filter(rules, n);
	int ends[2], r;
	ssize_t len;

	/* A pipe takes what is less than a page in one piece. */
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		fatal("pipe");
	if ((r = seccomp_export_bpf(ctx, ends[1])) != 0)
		fatalx("seccomp_export_bpf: %s", strerror(-r));
	seccomp_release(ctx);
	close(ends[1]);
	len = read(ends[0], out, max * sizeof(*out));
	if (len <= 0 || len % (ssize_t)sizeof(*out) != 0 ||
	    read(ends[0], &r, 1) != 0)
		fatalx("the filter has more than %zu instructions", max);
	close(ends[0]);
	return ((uint32_t)((size_t)len / sizeof(*out)));
}

const char *
sandbox_landlock(const uint16_t *connect_ports, size_t n, int dir)
{
	const char *why;
	int fd;

	if ((fd = landlock_ruleset(connect_ports, n, dir, &why)) == -1)
		return (why);
	if (syscall(SYS_landlock_restrict_self, fd, 0) == -1)
		fatal("landlock_restrict_self");
	close(fd);
	return (NULL);
}
