/* The line that the service manager shows (O1), and when it is told. */
#include "keep_rig.h"

#include "keep/notify.h"
#include "keep/status.h"

static bool wanted = true;
static char state[64], text[3000];
static unsigned int told;
static uint32_t rules = 2;

bool
notify_wanted(void)
{
	return (wanted);
}

void
notify_send(const char *s, const char *t)
{
	told++;
	cr_assert_lt(strlen(t), sizeof(text));
	strcpy(state, s == NULL ? "" : s);
	strcpy(text, t);
}

uint32_t
policy_rules(void)
{
	return (rules);
}

#define SCOPE	"10.0.0.1 port 53; upstream fe80::1%eth0, 192.0.2.1 port 5353; " \
	"nftables inet filter dns"

static void
set_up(void)
{
	static const struct addr own = { ADDR_V4, { 10, 0, 0, 1 } },
	    linked = { ADDR_V6, { 0xfe, 0x80, [15] = 1 } },
	    far = { ADDR_V4, { 192, 0, 2, 1 } };

	hash_init();
	rig_conf.binds = (struct hosts){ 1, { { .addr = own } } };
	rig_conf.upstreams = (struct hosts){ 2, { { .addr = linked,
	    .zone = "eth0", .scope = 2 }, { .addr = far } } };
	rig_conf.bind_port = 53;
	rig_conf.upstream_port = 5353;
	rig_conf.table.family = 1;
	strcpy(rig_conf.table.name, "filter");
	strcpy(rig_conf.chain, "dns");
	firewall.ledger = ledger_new(100, 100, 1);
	firewall.backend = &rig_backend;
	firewall.families = firewall.ready = BOTH;
}

TestSuite(keep_status, .init = set_up);

Test(keep_status, O1_one_and_more)
{
	status_tell("READY=1");
	cr_assert_str_eq(state, "READY=1");
	cr_assert_str_eq(text, SCOPE "; 2 rules, 0 live grants");
	rig_give(0, 1, 10);
	rules = 1;
	status_tell(NULL);
	cr_assert_str_eq(text, SCOPE "; 1 rule, 1 live grant");
	/* What has ended does not live. */
	rig_now += 10 * CLOCK_SECOND;
	status_tell(NULL);
	cr_assert_str_eq(text, SCOPE "; 1 rule, 0 live grants");
}

Test(keep_status, O1_what_is_not_granted)
{
	firewall.ready = MSG_FAMILY_V4;
	status_tell(NULL);
	cr_assert_str_eq(text, SCOPE "; 2 rules, 0 live grants; the firewall "
	    "was changed: nothing of IPv6 is granted");
	firewall.ready = 0;
	status_tell(NULL);
	cr_assert_str_eq(text, SCOPE "; 2 rules, 0 live grants; the firewall "
	    "was changed: nothing is granted");
	/* A family that never was there is not missing. */
	firewall.families = firewall.ready = MSG_FAMILY_V6;
	status_tell(NULL);
	cr_assert_str_eq(text, SCOPE "; 2 rules, 0 live grants");
}

/* The longest text of what is served, and all that can stand behind it. */
Test(keep_status, O1_the_longest)
{
	static const char end[] = "; the firewall was changed: nothing of IPv6 "
	    "is granted";
	size_t i;

	memset(&rig_conf.binds, 0xff, sizeof(rig_conf.binds));
	rig_conf.binds.n = MSG_BINDS_MAX;
	for (i = 0; i < MSG_BINDS_MAX; i++) {
		rig_conf.binds.at[i].addr.family = ADDR_V6;
		strcpy(rig_conf.binds.at[i].zone, "fifteen-octets-");
	}
	cr_assert_eq(strlen(status_scope()), STATUS_SCOPE_MAX - 1);
	rules = UINT32_MAX;
	firewall.ready = MSG_FAMILY_V4;
	rig_give(0, 100, 10);
	status_tell(NULL);
	cr_assert_str_eq(text + strlen(text) - strlen(end), end);
}

Test(keep_status, F2_the_chain_by_its_names)
{
	rig_conf.table.family = 1;
	cr_assert_str_eq(status_chain(), "inet filter dns");
	rig_conf.table.family = 2;
	cr_assert_str_eq(status_chain(), "ip filter dns");
	rig_conf.table.family = 10;
	cr_assert_str_eq(status_chain(), "ip6 filter dns");
	rig_conf.firewall = KEEPCONF_IPTABLES;
	cr_assert_str_eq(status_chain(), "dns");
}

Test(keep_status, F2_the_longest_names)
{
	memset(rig_conf.table.name, 't', KEEPCONF_NAME_MAX - 1);
	memset(rig_conf.chain, 'c', KEEPCONF_NAME_MAX - 1);
	rig_conf.table.family = 1;
	cr_assert_eq(strlen(status_chain()),
	    strlen("inet ") + 2 * KEEPCONF_NAME_MAX - 1);
}

/* A reload and the firewall at once, the number of grants every ten seconds. */
Test(keep_status, O2_when_it_is_told)
{
	status_step();
	cr_assert_eq(told, 1);
	cr_assert_str_eq(state, "READY=1");
	rig_give(0, 1, 100);
	status_step();
	cr_assert_eq(told, 1);
	cr_assert_eq(status_wait(), 10001);
	rig_now += 10 * CLOCK_SECOND - 1;
	status_step();
	cr_assert_eq(told, 1);
	cr_assert_eq(status_wait(), 1);
	rig_now++;
	cr_assert_eq(status_wait(), 0);
	status_step();
	cr_assert_eq(told, 2);
	rig_reloading = true;
	status_step();
	cr_assert_eq(told, 3);
	cr_assert_str_eq(state, "RELOADING=1");
	rig_reloading = false;
	status_step();
	cr_assert_eq(told, 4);
	cr_assert_str_eq(state, "READY=1");
	firewall.ready = MSG_FAMILY_V6;
	status_step();
	cr_assert_eq(told, 5);
	status_step();
	cr_assert_eq(told, 5);
}

Test(keep_status, nobody_wants_it)
{
	wanted = false;
	status_step();
	cr_assert_eq(told, 0);
	cr_assert_eq(status_wait(), -1);
}

Test(keep_status, O1_what_is_served)
{
	cr_assert_str_eq(status_scope(), SCOPE);
	rig_conf.firewall = KEEPCONF_IPTABLES;
	cr_assert_str_eq(status_scope() + strlen(SCOPE) -
	    strlen("nftables inet filter dns"), "iptables dns");
	rig_conf.firewall = KEEPCONF_NONE;
	cr_assert_str_eq(status_scope() + strlen(SCOPE) -
	    strlen("nftables inet filter dns"), "no firewall");
}
