/*
 * What dnsfw tells the keeper that it becomes: one struct in a memfd that is
 * sealed against every change, and descriptors by number.
 */
#ifndef COMMON_KEEPCONF_H
#define COMMON_KEEPCONF_H

#include <assert.h>
#include <stdint.h>

#include "host.h"
#include "msg.h"

#define KEEPCONF_VERSION	3
#define KEEPCONF_NAME_MAX	64	/* with NUL: of tables, chains */
#define KEEPCONF_USER_MAX	256	/* with NUL */
#define KEEPCONF_PATH_MAX	4096
#define KEEPCONF_CONTROL_MAX	108	/* as sockaddr_un has it */

/* Descriptors of the keeper.  What is not there is not open. */
#define KEEP_FD_HELPER		3	/* SEQPACKET; not with none */
#define KEEP_FD_COMPILER	4	/* SEQPACKET */
#define KEEP_FD_ACT		5	/* netfilter; shared with the helper */
#define KEEP_FD_LIST		6	/* netfilter; shared with the helper */
#define KEEP_FD_FLOWS		7	/* netfilter; shared with the helper */
#define KEEP_FD_EVENTS		8	/* netfilter: events of nf_tables */
#define KEEP_FD_OWN		9	/* route; the keeper opens it */
#define KEEP_FD_ACL_DIR		10	/* O_PATH */
#define KEEP_FD_NOTIFY		11	/* the service manager, if it wants */
#define KEEP_FD_STAMPS		12	/* struct stamps; not with none */
#define KEEP_FD_NEIGHBOURS	12	/* route; when that has been read */
#define KEEP_FD_CONFIG		13	/* struct keepconf */
#define KEEP_FD_CONTROL		13	/* listening; when that has been read */
#define KEEP_FD_SIGNALS		14	/* signalfd; the keeper opens it */
#define KEEP_FD_COMPILER_LOG	15	/* SEQPACKET: a line a record */
#define KEEP_FD_WORKER		16	/* + 2 * i: channel, + 2 * i + 1: log */
#define KEEP_FD_COUNT		(KEEP_FD_WORKER + 2 * MSG_WORKERS_MAX)
#define KEEP_FD_LOG		KEEP_FD_COUNT	/* 2 opened anew, if at all */
#define KEEP_FD_LIFE		(KEEP_FD_LOG + 1) /* and on: for drop_outlive */
#define KEEP_FD_END		(KEEP_FD_LIFE + 2 + MSG_WORKERS_MAX)

/* Descriptors of dnsfw-stamp. */
#define STAMP_FD_CONFIG		3	/* struct keepconf */
#define STAMP_FD_MADE		4	/* for struct stamps (stamps.h) */
#define STAMP_FD_LOG		5	/* 2 opened anew, if at all */

enum keepconf_firewall { KEEPCONF_NONE = 0, KEEPCONF_IPTABLES,
    KEEPCONF_NFTABLES };

/* Whom the others become. */
enum keepconf_role { KEEPCONF_HELPER, KEEPCONF_KEEPER, KEEPCONF_PROXY,
    KEEPCONF_ROLES };

struct keepconf_user {
	uint32_t	uid, gid;
	uint32_t	missing;	/* 1: with --check, nobody stands in */
	char		name[KEEPCONF_USER_MAX];
};

struct keepconf_table {
	uint8_t		family;		/* NFPROTO_*; with nftables */
	char		name[KEEPCONF_NAME_MAX];	/* iptables: "filter" */
};

struct keepconf {
	uint32_t	version;	/* KEEPCONF_VERSION */
	uint32_t	size;		/* of this struct */
	struct keepconf_user users[KEEPCONF_ROLES];
	int32_t		helper;		/* process ids; 0: there is none */
	int32_t		compiler;
	int32_t		workers[MSG_WORKERS_MAX];
	uint32_t	nworkers;
	uint32_t	min_rule_time;	/* seconds */
	uint32_t	max_rule_time;
	uint32_t	max_grants;
	struct hosts	binds;
	struct hosts	upstreams;
	uint32_t	bind_port;
	uint32_t	upstream_port;
	uint8_t		firewall;	/* enum keepconf_firewall */
	uint8_t		hold_live;	/* 0 or 1, as the next ones */
	uint8_t		kill_connections;
	uint8_t		check_only;	/* --check: the ACL, then end */
	uint8_t		unprivileged;	/* --check of an ordinary user */
	struct keepconf_table table;
	uint8_t		audit;		/* 0 or 1: nothing is refused (U8) */
	uint8_t		neighbours;	/* 0 or 1: --hosts (U11) */
	char		chain[KEEPCONF_NAME_MAX];	/* "": none was given */
	uint32_t	acl_name;	/* where the name begins in acl_path */
	char		acl_path[KEEPCONF_PATH_MAX];
	uint32_t	watchdog;	/* ms: the service manager's; 0: none */
	uint32_t	control_gid;	/* who may ask, too; 0: root alone */
	char		control[KEEPCONF_CONTROL_MAX];	/* "": no socket */
};
static_assert(sizeof(struct keepconf) == 16 + 4 * MSG_WORKERS_MAX + 24 +
    KEEPCONF_ROLES * sizeof(struct keepconf_user) + 2 * sizeof(struct hosts) +
    8 + 2 * KEEPCONF_NAME_MAX + 12 + KEEPCONF_PATH_MAX + KEEPCONF_CONTROL_MAX,
    "keepconf has no holes");

#endif
