/* Attributes of netlink's messages. */
#include "nlattr.h"

#include <linux/netfilter/nfnetlink.h>

#include <endian.h>
#include <string.h>

static const struct nlattr *
find_between(const struct nlattr *attr, const char *end, uint16_t type)
{
	while (mnl_attr_ok(attr, (int)(end - (const char *)attr))) {
		if (mnl_attr_get_type(attr) == type)
			return (attr);
		attr = mnl_attr_next(attr);
	}
	return (NULL);
}

const struct nlattr *
nlattr_find(const struct nlmsghdr *nlh, size_t header, uint16_t type)
{
	return (find_between(mnl_nlmsg_get_payload_offset(nlh, header),
	    mnl_nlmsg_get_payload_tail(nlh), type));
}

const struct nlattr *
nlattr_get(const struct nlmsghdr *nlh, uint16_t type)
{
	return (nlattr_find(nlh, sizeof(struct nfgenmsg), type));
}

const struct nlattr *
nlattr_nested(const struct nlattr *attr, uint16_t type)
{
	if (attr == NULL)
		return (NULL);
	return (find_between(mnl_attr_get_payload(attr), (const char *)attr +
	    attr->nla_len, type));
}

bool
nlattr_copy(const struct nlattr *attr, void *to, size_t len)
{
	memset(to, 0, len);
	if (attr == NULL || mnl_attr_get_payload_len(attr) != len)
		return (false);
	memcpy(to, mnl_attr_get_payload(attr), len);
	return (true);
}

uint16_t
nlattr_u16(const struct nlattr *attr)
{
	uint16_t value;

	(void)nlattr_copy(attr, &value, sizeof(value));
	return (be16toh(value));
}

uint32_t
nlattr_u32(const struct nlattr *attr)
{
	uint32_t value;

	(void)nlattr_copy(attr, &value, sizeof(value));
	return (be32toh(value));
}

uint64_t
nlattr_u64(const struct nlattr *attr)
{
	uint64_t value;

	(void)nlattr_copy(attr, &value, sizeof(value));
	return (be64toh(value));
}

bool
nlattr_is(const struct nlattr *attr, const char *text)
{
	size_t len = strlen(text) + 1;

	return (attr != NULL && mnl_attr_get_payload_len(attr) == len &&
	    memcmp(mnl_attr_get_payload(attr), text, len) == 0);
}

void
nlattr_label(const char *text, size_t len, char label[MSG_LABEL_SIZE])
{
	memset(label, 0, MSG_LABEL_SIZE);
	memcpy(label, text, strnlen(text, len < MSG_LABEL_SIZE ?
	    len : MSG_LABEL_SIZE - 1));
}
