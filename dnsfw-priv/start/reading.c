/* The options: read by a child without any power. */
#include "reading.h"

#include <sys/mman.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "drop.h"
#include "log.h"
#include "options/reader.h"
#include "options/users.h"
#include "privs.h"
#include "spawn.h"

/*
 * The file of --config, which the child may have no right to open.  Whether the
 * word is what it looks like the child knows; if not, it is not used.
 */
static struct options_file
open_config(int argc, char **argv)
{
	static const char option[] = "--config";
	const size_t len = strlen(option);
	struct options_file file = { getenv("CONFIG"), -1 };
	int i;

	for (i = 1; i < argc; i++) {
		if (strncmp(argv[i], option, len) != 0)
			continue;
		if (argv[i][len] == '=')
			file.path = argv[i] + len + 1;
		else if (argv[i][len] == '\0' && i + 1 < argc)
			file.path = argv[++i];
	}
	if (file.path != NULL)
		file.fd = open(file.path, CONFIG_FLAGS);
	return (file);
}

/* As the child counts, and ends its strings. */
static void
check(struct options *o)
{
	struct keepconf *k = &o->keep;
	const struct msg_config *w = &o->worker;
	size_t i;

	if (k->binds.n > MSG_BINDS_MAX || k->nworkers > MSG_WORKERS_MAX ||
	    w->client_nets.n > MSG_NETS_MAX || w->deny_nets.n > MSG_NETS_MAX ||
	    w->allow_nets.n > MSG_NETS_MAX || k->size != sizeof(*k) ||
	    (k->check_only != 0 && k->nworkers != 0))
		fatalx("what the reader of the options has left is wrong");
	for (i = 0; i < KEEPCONF_ROLES; i++)
		k->users[i].name[sizeof(k->users[i].name) - 1] = '\0';
	for (i = 0; i < k->binds.n; i++)
		k->binds.at[i].zone[sizeof(k->binds.at[i].zone) - 1] = '\0';
	k->table.name[sizeof(k->table.name) - 1] = '\0';
	k->chain[sizeof(k->chain) - 1] = '\0';
	k->acl_path[sizeof(k->acl_path) - 1] = '\0';
	k->control[sizeof(k->control) - 1] = '\0';
}

void
reading_options(struct options *o, int argc, char **argv)
{
	const struct options_file file = open_config(argc, argv);
	const bool root = geteuid() == 0;
	struct options *left = mmap(NULL, sizeof(*left),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int life;
	pid_t pid;

	if (left == MAP_FAILED)
		fatal("mmap");
	if ((pid = spawn_brief(&life)) == 0) {
		/* If not, only help, --check of a user, and errors follow. */
		if (privs_can_become(USERS_NOBODY))
			drop_privileges(USERS_NOBODY, USERS_NOBODY, 0);
		else
			drop_capabilities();
		drop_outlive(STDIN_FILENO);
		reader_read(left, argc, argv, &file, root);
		_exit(0);
	}
	spawn_wait(pid, life, "the reader of the options");
	*o = *left;
	munmap(left, sizeof(*left));
	if (file.fd != -1)
		close(file.fd);
	/* It was asked for help, or for the version. */
	if (o->keep.version == 0)
		exit(0);
	check(o);
}
