/* The load generator of benches/: closed loop, one thread, level-triggered epoll, exact counts.
 *
 *   load HOST PORT PATH CONNECTIONS SECONDS REQUESTS keep|close
 *
 * Each connection sends one GET, waits for the whole answer, sends the next. It ends when SECONDS have passed or
 * REQUESTS were sent, whichever is first (0 = no such bound, not both): no request is started then, those in flight are
 * finished, so that "requests" is exactly what the proxy served. `close` asks for `Connection: close`, waits for the
 * other side to end the connection and opens a new one for each request. An answer must have status 200 and a
 * Content-Length that is kept; anything else is an error. Bodies are dropped in the kernel (MSG_TRUNC), which keeps
 * the generator cheaper than what it measures. Prints one line of JSON; exit status 0 when there was no error.
 *
 * Linux only. side_by_side and callgrind compile it into a temporary folder. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 4096, ERRORS_MAX = 50, GRACE_SECONDS = 5 };

enum state { FREE, SENDING, HEAD, BODY, WAIT_EOF };

struct conn {
	int fd, index;
	enum state state;
	int want_out;		/* registered for EPOLLOUT */
	size_t sent, head_len;	/* bytes of the request sent; bytes in head */
	long long left;		/* bytes of the body still to come */
	char head[HEAD_MAX + 1];
};

static struct sockaddr_in peer;
static char request[2048];
static size_t request_len;
static int ep, one_shot, running, open_now;
static long long max_requests, started, done, opened, errors, bytes, reopened;
static const char *first_error;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int may_start(void)
{
	return running && (!max_requests || started < max_requests);
}

static void release(struct conn *c)
{
	if (c->state == FREE)
		return;
	close(c->fd);
	c->state = FREE;
	open_now--;
}

static void fail(struct conn *c, const char *why)
{
	if (!first_error)
		first_error = why;
	if (++errors >= ERRORS_MAX)
		running = 0;
	release(c);
}

static void want_out(struct conn *c, int on)
{
	struct epoll_event ev = { .events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = c };
	if (c->want_out == on)
		return;
	c->want_out = on;
	epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &ev);
}

static void send_request(struct conn *c)
{
	while (c->sent < request_len) {
		ssize_t n = send(c->fd, request + c->sent, request_len - c->sent, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
			want_out(c, 1);
			return;
		}
		if (n < 0) {
			fail(c, strerror(errno));
			return;
		}
		c->sent += n;
	}
	want_out(c, 0);
	c->state = HEAD;
}

static void start_request(struct conn *c)
{
	started++;
	c->sent = c->head_len = 0;
	c->state = SENDING;
	send_request(c);
}

static void open_conn(struct conn *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int on = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		perror("socket");
		exit(2);
	}
	opened++;
	open_now++;
	c->state = SENDING;
	c->want_out = 0;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev);
	if (connect(c->fd, (struct sockaddr *)&peer, sizeof peer) < 0 && errno != EINPROGRESS) {
		fail(c, strerror(errno));
		return;
	}
	start_request(c);
}

static void answered(struct conn *c)
{
	done++;
	if (one_shot)
		c->state = WAIT_EOF;
	else if (may_start())
		start_request(c);
	else
		release(c);
}

/* Looks for the end of the head; returns 0 while there is more to come or the connection is gone. */
static int parse_head(struct conn *c)
{
	char *end, *length;
	size_t extra;
	c->head[c->head_len] = 0;
	end = strstr(c->head, "\r\n\r\n");
	if (!end) {
		if (c->head_len == HEAD_MAX)
			fail(c, "head too long");
		return 0;
	}
	end[2] = 0;
	extra = c->head_len - (end + 4 - c->head);
	if (strncmp(c->head, "HTTP/1.1 200", 12)) {
		fail(c, "status is not 200");
		return 0;
	}
	length = strcasestr(c->head, "\r\ncontent-length:");
	if (!length) {
		fail(c, "no content-length");
		return 0;
	}
	c->left = atoll(length + 17) - (long long)extra;
	c->state = BODY;
	return 1;
}

static void receive(struct conn *c)
{
	for (;;) {
		ssize_t n;
		if (c->state == HEAD)
			n = recv(c->fd, c->head + c->head_len, HEAD_MAX - c->head_len, 0);
		else if (c->state == BODY)
			n = recv(c->fd, NULL, c->left, MSG_TRUNC);
		else
			n = recv(c->fd, NULL, 65536, MSG_TRUNC);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			fail(c, strerror(errno));
			return;
		}
		if (n == 0) {
			if (c->state == WAIT_EOF) {
				release(c);
			} else if (c->state == HEAD && !c->head_len && !one_shot) {
				started--;	/* a kept-alive connection that was closed: shown, and sent again */
				reopened++;
				release(c);
			} else {
				fail(c, "connection ended inside an answer");
			}
			return;
		}
		bytes += n;
		if (c->state == WAIT_EOF || c->state == SENDING) {
			fail(c, "bytes that nobody asked for");
			return;
		}
		if (c->state == HEAD) {
			c->head_len += n;
			if (!parse_head(c)) {
				if (c->state == FREE)
					return;
				continue;
			}
		} else {
			c->left -= n;
		}
		if (c->left < 0) {
			fail(c, "body longer than its content-length");
			return;
		}
		if (c->left == 0) {
			answered(c);
			/* A new answer cannot be here yet; the end of the connection may. */
			if (c->state != WAIT_EOF)
				return;
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 8) {
		fprintf(stderr, "usage: load HOST PORT PATH CONNECTIONS SECONDS REQUESTS keep|close\n");
		return 2;
	}
	int count = atoi(argv[4]);
	double seconds = atof(argv[5]), begin, deadline;
	struct epoll_event events[256];
	struct conn *conns = calloc(count, sizeof *conns);

	max_requests = atoll(argv[6]);
	one_shot = !strcmp(argv[7], "close");
	if (!conns || count < 1 || (seconds <= 0 && max_requests <= 0)) {
		fprintf(stderr, "load: needs at least one connection and a bound\n");
		return 2;
	}
	peer.sin_family = AF_INET;
	peer.sin_port = htons(atoi(argv[2]));
	inet_pton(AF_INET, argv[1], &peer.sin_addr);
	request_len = snprintf(request, sizeof request,
			       "GET %s HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: load\r\nAccept: */*\r\n%s\r\n",
			       argv[3], one_shot ? "Connection: close\r\n" : "");
	ep = epoll_create1(EPOLL_CLOEXEC);
	running = 1;
	begin = now();
	deadline = seconds > 0 ? begin + seconds : begin + 600;

	for (;;) {
		for (int i = 0; i < count && open_now < count && may_start(); i++)
			if (conns[i].state == FREE)
				open_conn(&conns[i]);
		if (!open_now && !may_start())
			break;
		int n = epoll_wait(ep, events, 256, 100);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;
			if (c->state == SENDING && (events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
				send_request(c);
			if (c->state != FREE && c->state != SENDING)
				receive(c);
			if (c->state == FREE && may_start())
				open_conn(c);
		}
		double t = now();
		if (t >= deadline)
			running = 0;
		if (t >= deadline + GRACE_SECONDS) {
			for (int i = 0; i < count; i++)
				if (conns[i].state != FREE)
					fail(&conns[i], conns[i].state == WAIT_EOF ?
					     "connection not closed after Connection: close" : "no answer in time");
			break;
		}
	}
	printf("{\"requests\": %lld, \"connections\": %lld, \"reopened\": %lld, \"errors\": %lld, \"first_error\": \"%s\", "
	       "\"bytes\": %lld, \"seconds\": %.6f}\n", done, opened, reopened, errors, first_error ? first_error : "",
	       bytes, now() - begin);
	return errors ? 1 : 0;
}
