/* The floor under the star benchmark: raw netlink, one thread, the fewest kernel operations that make the lab.
 *
 *   floor create N   a namespace `sw` with bridge br0, and N namespaces n1..nN: lo up, eth0 up with an address and a default route
 *   floor destroy    takes every name out of /run/netns
 *   floor wait       returns when the kernel has freed every namespace dropped before
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHECK(x) do { if ((long)(x) < 0) { perror(#x); exit(1); } } while (0)

static char out[65536];
static size_t used;
static int asked;

static struct nlmsghdr *begin(int type, int flags, const void *body, size_t size)
{
	struct nlmsghdr *h = (void *)(out + used);
	memset(h, 0, NLMSG_LENGTH(size));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = ++asked;
	h->nlmsg_len = NLMSG_LENGTH(size);
	memcpy(NLMSG_DATA(h), body, size);
	return h;
}

static struct rtattr *put(struct nlmsghdr *h, int type, const void *data, size_t size)
{
	struct rtattr *a = (void *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));
	a->rta_type = type;
	a->rta_len = RTA_LENGTH(size);
	if (size)
		memcpy(RTA_DATA(a), data, size);
	h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

static void close_nest(struct nlmsghdr *h, struct rtattr *a)
{
	a->rta_len = (char *)h + h->nlmsg_len - (char *)a;
}

static void end(struct nlmsghdr *h)
{
	used += NLMSG_ALIGN(h->nlmsg_len);
}

static void flush(int fd)
{
	char in[32768];
	if (!used)
		return;
	CHECK(send(fd, out, used, 0));
	for (int left = asked; left > 0;) {
		ssize_t n = recv(fd, in, sizeof in, 0);
		CHECK(n);
		for (struct nlmsghdr *h = (void *)in; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			struct nlmsgerr *e = NLMSG_DATA(h);
			if (h->nlmsg_type == NLMSG_ERROR && e->error) {
				fprintf(stderr, "message %u: %s\n", h->nlmsg_seq, strerror(-e->error));
				exit(1);
			}
			left--;
		}
	}
	used = asked = 0;
}

static int open_netlink(void)
{
	int on = 1, fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	CHECK(fd);
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	return fd;
}

/* A new namespace with a name; the thread is in it afterwards. */
static void new_netns(const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "/run/netns/%s", name);
	CHECK(unshare(CLONE_NEWNET));
	int fd = open(path, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0);
	CHECK(fd);
	close(fd);
	CHECK(mount("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL));
}

static void link_up(int index)
{
	struct ifinfomsg up = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	end(begin(RTM_NEWLINK, 0, &up, sizeof up));
}

/* Before the device comes up: in one message with IFF_UP it would come too late. */
static void no_link_local(int index)
{
	struct ifinfomsg quiet = { .ifi_index = index };
	struct nlmsghdr *h = begin(RTM_NEWLINK, 0, &quiet, sizeof quiet);
	unsigned char none = 1;
	struct rtattr *spec = put(h, IFLA_AF_SPEC, NULL, 0), *inet6 = put(h, AF_INET6, NULL, 0);
	put(h, IFLA_INET6_ADDR_GEN_MODE, &none, 1);
	close_nest(h, inet6);
	close_nest(h, spec);
	end(h);
}

static void create(int n)
{
	struct rlimit files = { 65536, 65536 };
	setrlimit(RLIMIT_NOFILE, &files);
	new_netns("sw");
	int sw = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), swnl = open_netlink();
	CHECK(sw);
	struct ifinfomsg bridge = { .ifi_index = 2 };
	struct nlmsghdr *h = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &bridge, sizeof bridge);
	put(h, IFLA_IFNAME, "br0", 4);
	struct rtattr *info = put(h, IFLA_LINKINFO, NULL, 0);
	put(h, IFLA_INFO_KIND, "bridge", 6);
	struct rtattr *data = put(h, IFLA_INFO_DATA, NULL, 0);
	unsigned char off = 0;
	put(h, IFLA_BR_MCAST_SNOOPING, &off, 1);
	close_nest(h, data);
	close_nest(h, info);
	end(h);
	flush(swnl);
	int *sockets = calloc(n + 1, sizeof *sockets);
	for (int i = 1; i <= n; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		new_netns(name);
		sockets[i] = open_netlink();
	}
	/* All namespaces stand before the first wire: link events, which come with those, slow down the making of namespaces. */
	for (int i = 1; i <= n; i++) {
		char name[16];
		snprintf(name, sizeof name, "n%d", i);
		int fd = sockets[i];
		link_up(1);
		struct ifinfomsg eth = { .ifi_index = 2 }, peer = { .ifi_index = 2 + i };
		h = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &eth, sizeof eth);
		put(h, IFLA_IFNAME, "eth0", 5);
		info = put(h, IFLA_LINKINFO, NULL, 0);
		put(h, IFLA_INFO_KIND, "veth", 4);
		data = put(h, IFLA_INFO_DATA, NULL, 0);
		struct rtattr *other = put(h, VETH_INFO_PEER, &peer, sizeof peer);
		put(h, IFLA_IFNAME, name, strlen(name) + 1);
		put(h, IFLA_NET_NS_FD, &sw, sizeof sw);
		close_nest(h, other);
		close_nest(h, data);
		close_nest(h, info);
		end(h);
		no_link_local(2);
		link_up(2);
		struct ifaddrmsg address = { .ifa_family = AF_INET, .ifa_prefixlen = 16, .ifa_index = 2 };
		struct in_addr local = { htonl(0x0a010000u + i) }, gateway = { htonl(0x0a01fffeu) };
		h = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &address, sizeof address);
		put(h, IFA_LOCAL, &local, 4);
		put(h, IFA_ADDRESS, &local, 4);
		end(h);
		struct rtmsg route = { .rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC, .rtm_type = RTN_UNICAST };
		int index = 2;
		h = begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof route);
		put(h, RTA_GATEWAY, &gateway, 4);
		put(h, RTA_OIF, &index, 4);
		end(h);
		flush(fd);
		close(fd);
	}
	for (int i = 1; i <= n; i++) {
		struct ifinfomsg port = { .ifi_index = 2 + i, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
		int master = 2;
		no_link_local(2 + i);
		h = begin(RTM_NEWLINK, 0, &port, sizeof port);
		put(h, IFLA_MASTER, &master, 4);
		end(h);
		if (i % 32 == 0)
			flush(swnl);
	}
	no_link_local(2);
	link_up(2);
	flush(swnl);
}

static void destroy(void)
{
	DIR *names = opendir("/run/netns");
	for (struct dirent *e; names && (e = readdir(names));) {
		char path[300];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/run/netns/%s", e->d_name);
		umount2(path, MNT_DETACH);
		unlink(path);
	}
}

/* Namespaces are freed in order by one work queue: drop one whose veth's other end is watched, and wait for that end to go. Twice, for
 * the batch under way may have been taken from the queue before ours was put in. */
static void wait_freed(void)
{
	for (int round = 0; round < 2; round++) {
		CHECK(unshare(CLONE_NEWNET));
		int here = open("/proc/thread-self/ns/net", O_RDONLY), nl = open_netlink();
		int watch = open_netlink();
		struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
		CHECK(here);
		CHECK(bind(watch, (void *)&group, sizeof group));
		CHECK(unshare(CLONE_NEWNET));
		int inner = open_netlink();
		struct ifinfomsg any = { 0 };
		struct nlmsghdr *h = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof any);
		put(h, IFLA_IFNAME, "in", 3);
		struct rtattr *info = put(h, IFLA_LINKINFO, NULL, 0);
		put(h, IFLA_INFO_KIND, "veth", 4);
		struct rtattr *data = put(h, IFLA_INFO_DATA, NULL, 0), *other = put(h, VETH_INFO_PEER, &any, sizeof any);
		put(h, IFLA_IFNAME, "out", 4);
		put(h, IFLA_NET_NS_FD, &here, sizeof here);
		close_nest(h, other);
		close_nest(h, data);
		close_nest(h, info);
		end(h);
		flush(inner);
		close(inner);
		CHECK(setns(here, CLONE_NEWNET));
		for (int gone = 0; !gone;) {
			char in[32768];
			ssize_t n = recv(watch, in, sizeof in, 0);
			CHECK(n);
			for (struct nlmsghdr *h = (void *)in; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
				gone |= h->nlmsg_type == RTM_DELLINK;
		}
		close(nl);
		close(watch);
		close(here);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "create"))
		create(atoi(argv[2]));
	else if (argc == 2 && !strcmp(argv[1], "destroy"))
		destroy();
	else if (argc == 2 && !strcmp(argv[1], "wait"))
		wait_freed();
	else
		return fprintf(stderr, "usage: floor create N | destroy | wait\n"), 2;
	return 0;
}
