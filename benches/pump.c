// The floor: what a proxy of keep-alive connections costs when it makes nothing but the system calls. One connection to the origin for
// each client, no parsing, no timers, no errors handled: `recv`, `send` and a share of `epoll_wait`, as in the proxies.
//
//     pump LISTEN_PORT ORIGIN_PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FDS 65536

static int peer[MAX_FDS];

static void watch(int epoll, int fd, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void join(int epoll, int listener, const struct sockaddr_in *origin) {
    int one = 1, client = accept4(listener, NULL, NULL, SOCK_NONBLOCK), server = socket(AF_INET, SOCK_STREAM, 0);
    if (client < 0 || server < 0 || client >= MAX_FDS || server >= MAX_FDS ||
        connect(server, (const struct sockaddr *)origin, sizeof *origin) < 0) {
        close(client);
        close(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peer[client] = server;
    peer[server] = client;
    watch(epoll, client, EPOLLIN | EPOLLRDHUP | EPOLLET);
    watch(epoll, server, EPOLLIN | EPOLLRDHUP | EPOLLET);
}

int main(int count, char **args) {
    if (count != 3)
        return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    address.sin_port = htons(atoi(args[1]));
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        perror("pump");
        return 1;
    }
    address.sin_port = htons(atoi(args[2]));
    watch(epoll, listener, EPOLLIN);
    static char buffer[16384];
    struct epoll_event events[200];
    for (;;) {
        int ready = epoll_wait(epoll, events, 200, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                join(epoll, listener, &address);
                continue;
            }
            ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
            if (got > 0) {
                send(peer[fd], buffer, got, MSG_DONTWAIT | MSG_NOSIGNAL);
            } else if (got == 0) {
                close(peer[fd]);
                close(fd);
            }
        }
    }
}
