/* What the commands of dnsfwctl have in common. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

/* Exit statuses (U1). */
enum { CTL_YES = 0, CTL_NO = 1, CTL_USAGE = 2 };

#define CTL_ACL_DEFAULT	"/etc/dnsfw/acl"

/*
 * A command: argv[0] is its name.  Returns an exit status.  One that finds its
 * arguments wrong says so, and calls usage_wrong().
 */
typedef int ctl_command(int argc, char **argv);

ctl_command check_main, explain_main, log_main;
ctl_command why_main, grants_main, rules_main, stats_main;
ctl_command reload_main, revoke_main;
ctl_command metrics_main, exporter_main, top_main, doctor_main;
ctl_command suggest_main;

#endif
