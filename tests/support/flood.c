/* flood: unknown peers that connect at a rate, send something, and wait to be reset.
 *
 *     flood TARGET PORT FIRST-SOURCE SOURCES RATE SECONDS
 *
 * Connections come from SOURCES addresses in turn, all of them usable here. Each sends HELLO once it is through and is
 * closed when the other end has closed it; no more than MOST are open at once, those that would exceed it are the
 * other end's delay and are counted as `held`. Prints one line of JSON: how many were begun, got through, were reset,
 * failed, were held back, and in how many seconds.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096, BATCH = 256 };
static const char HELLO[] = "let me in";

static struct { long begun, through, reset, failed, held; } counts;
static int poller, open_now;
static struct sockaddr_in target, source;
static uint32_t first_source, sources;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void begin(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) err(1, "socket");
    /* Nothing of a connection stays behind at this end either. */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    source.sin_addr.s_addr = htonl(first_source + (uint32_t)(counts.begun % sources));
    counts.begun++;
    if (bind(fd, (struct sockaddr *)&source, sizeof source) ||
        (connect(fd, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS)) {
        counts.failed++;
        close(fd);
        return;
    }
    open_now++;
    struct epoll_event event = {.events = EPOLLOUT, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) err(1, "epoll");
}

static void end(int fd, long *count) {
    ++*count;
    open_now--;
    close(fd);
}

/* Connected: send something, and wait for the end. */
static void arrive(int fd) {
    counts.through++;
    if (send(fd, HELLO, sizeof HELLO - 1, MSG_NOSIGNAL) < 0) { end(fd, &counts.reset); return; }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event)) err(1, "epoll");
}

static void look(int milliseconds) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(poller, events, BATCH, milliseconds);
    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd, error = 0;
        socklen_t size = sizeof error;
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (!(events[i].events & EPOLLOUT)) end(fd, &counts.reset);
        else if (!error) arrive(fd);
        else if (error != ECONNRESET) end(fd, &counts.failed);
        else counts.through++, end(fd, &counts.reset); /* thrown out before we have seen that we were in */
    }
}

int main(int argc, char **argv) {
    if (argc != 7) errx(2, "usage: flood TARGET PORT FIRST-SOURCE SOURCES RATE SECONDS");
    target.sin_family = source.sin_family = AF_INET;
    target.sin_port = htons((uint16_t)atoi(argv[2]));
    if (!inet_pton(AF_INET, argv[1], &target.sin_addr) || !inet_pton(AF_INET, argv[3], &source.sin_addr))
        errx(2, "not an address");
    first_source = ntohl(source.sin_addr.s_addr);
    sources = (uint32_t)atoi(argv[4]);
    double rate = atof(argv[5]), seconds = atof(argv[6]), started = now();
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){MOST + 64, MOST + 64});
    poller = epoll_create1(0);
    for (double t; (t = now() - started) < seconds;) {
        long due = (long)(t * rate);
        while (counts.begun + counts.held < due) {
            if (open_now < MOST) begin();
            else counts.held++;
        }
        look(1);
    }
    double flooded = now() - started;
    for (double until = now() + 2; open_now && now() < until;) look(10);
    printf("{\"begun\": %ld, \"through\": %ld, \"reset\": %ld, \"failed\": %ld, \"held\": %ld, \"left\": %d, "
           "\"seconds\": %.3f}\n",
           counts.begun, counts.through, counts.reset, counts.failed, counts.held, open_now, flooded);
    return 0;
}
