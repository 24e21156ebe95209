/*
 * dnsfw-stamp: makes the stamps (stamps.h), and ends.
 *
 * dnsfw starts it before it starts the others, with the options in
 * STAMP_FD_CONFIG and memory for the stamps in STAMP_FD_MADE.  What libnftnl,
 * libmnl and libseccomp write needs no power, so it has none when they do.
 */
#include <unistd.h>

#include "drop.h"
#include "filter.h"
#include "keepconf.h"
#include "log.h"
#include "make.h"
#include "sandbox.h"
#include "syscalls.h"

#define DESCRIPTORS	16
#define MEMORY		(64UL << 20)	/* bytes of address space */

static struct keepconf conf;
static struct stamps made;

static void
take_conf(void)
{
	if (pread(STAMP_FD_CONFIG, &conf, sizeof(conf), 0) != sizeof(conf) ||
	    conf.version != KEEPCONF_VERSION || conf.size != sizeof(conf))
		fatalx("it is started by dnsfw, of the same version, which is "
		    "what to start");
}

int
main(void)
{
	const struct keepconf_user *user = &conf.users[KEEPCONF_HELPER];
	struct stamps_wish wish;

	log_init("dnsfw-stamp");
	take_conf();

	/*
	 * Confinement.  The empty root needs CAP_SYS_CHROOT, so it comes
	 * before the user; the user comes before no_new_privs, which both
	 * Landlock and seccomp need; seccomp is last, as it forbids the rest:
	 * also what libseccomp needs to write the helper's filter.
	 */
	drop_root();
	drop_limits(DESCRIPTORS);
	drop_memory(MEMORY);
	drop_privileges(user->uid, user->gid, 0);
	drop_outlive(STDIN_FILENO);
	(void)sandbox_landlock(NULL, 0, -1);
	filter_make(&made);
	sandbox_seccomp(stamp_rules, stamp_nrules);

	wish = (struct stamps_wish){
	    .ipset = conf.firewall == KEEPCONF_IPTABLES,
	    .flows = conf.hold_live || conf.kill_connections || conf.audit,
	    .kill = conf.kill_connections, .table_family = conf.table.family,
	    .table = conf.table.name, .chain = conf.chain,
	    .max_grants = conf.max_grants };
	stamps_make(&wish, &made);
	if (write(STAMP_FD_MADE, &made, sizeof(made)) != sizeof(made))
		fatal("cannot hand over the stamps");
	return (0);
}
