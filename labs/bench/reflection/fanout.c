/* fanout: the least a reflector can do, as a floor for the others and a test of the load.
 *
 *     fanout 4|6 ADDRESS
 *
 * It accepts sessions, answers an OPEN with the same OPEN, and writes every UPDATE that it reads to every session as it
 * came: no decision process, no policy, no ORIGINATOR_ID. All sessions share one log, so a late joiner is sent
 * everything that was ever received. A reflector that is faster than this one must be wrong or must batch better.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 19, LONGEST = 4096, READ_OCTETS = 1 << 18, OPEN = 1, UPDATE = 2, KEEPALIVE = 4, EMPTY_UPDATE = 23 };
static const uint8_t KEEPALIVE_MESSAGE[HEADER] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                                  255, 255, 255, 255, 255, 255, 0,   HEADER, KEEPALIVE};

struct session {
    int fd;
    bool established, waits_to_write;
    size_t sent, partial_length;   /* sent: octets of the log that this peer has been sent */
    uint8_t partial[LONGEST];
    struct session *next;
};

static int poller;
static struct session *sessions;
static uint8_t *log_octets;
static size_t log_length, log_size;

static void watch(struct session *s, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = s};
    if (epoll_ctl(poller, operation, s->fd, &event)) err(1, "epoll");
}

static void append(const uint8_t *message, size_t length) {
    if (log_length + length > log_size) {
        log_size = (log_length + length) * 2;
        if (!(log_octets = realloc(log_octets, log_size))) err(1, "memory");
    }
    memcpy(log_octets + log_length, message, length);
    log_length += length;
}

static void hang_up(struct session *s) {
    struct session **link = &sessions;
    while (*link != s) link = &(*link)->next;
    *link = s->next;
    close(s->fd);
    free(s);
}

static void send_log(struct session *s) {
    while (s->established && s->sent < log_length) {
        ssize_t sent = send(s->fd, log_octets + s->sent, log_length - s->sent, MSG_NOSIGNAL);
        if (sent < 0) break;       /* a lost connection shows when it is read */
        s->sent += (size_t)sent;
    }
    bool waits = s->sent < log_length && s->established;
    if (waits != s->waits_to_write) watch(s, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    s->waits_to_write = waits;
}

static void receive(struct session *s, const uint8_t *message, size_t length) {
    if (message[18] == OPEN) {
        if (send(s->fd, message, length, MSG_NOSIGNAL) < 0 || send(s->fd, KEEPALIVE_MESSAGE, HEADER, MSG_NOSIGNAL) < 0)
            return;
        s->established = true;
    } else if (message[18] == UPDATE && length > EMPTY_UPDATE) {
        append(message, length);
    }
}

static bool read_some(struct session *s) {
    static uint8_t buffer[LONGEST + READ_OCTETS];
    memcpy(buffer, s->partial, s->partial_length);
    ssize_t count = recv(s->fd, buffer + s->partial_length, READ_OCTETS, 0);
    if (count < 0 && errno == EAGAIN) return true;
    if (count <= 0) return false;
    const uint8_t *p = buffer, *end = buffer + s->partial_length + (size_t)count;
    for (size_t length; end - p >= HEADER && end - p >= (long)(length = (size_t)p[16] << 8 | p[17]); p += length) {
        if (length < HEADER || length > LONGEST) errx(1, "a message of %zu octets", length);
        receive(s, p, length);
    }
    s->partial_length = (size_t)(end - p);
    memcpy(s->partial, p, s->partial_length);
    return true;
}

static void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct session *s = calloc(1, sizeof *s);
        if (!s) err(1, "memory");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        *s = (struct session){.fd = fd, .next = sessions};
        sessions = s;
        watch(s, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static int listen_on(const char *family, const char *address) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(179)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(179)};
    bool is_four = *family == '4';
    if (inet_pton(is_four ? AF_INET : AF_INET6, address, is_four ? (void *)&four.sin_addr : (void *)&six.sin6_addr) != 1)
        errx(2, "%s is no address", address);
    int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, is_four ? (void *)&four : (void *)&six, is_four ? sizeof four : sizeof six) || listen(fd, 1024))
        err(1, "%s", address);
    return fd;
}

int main(int count, char **words) {
    if (count != 3) errx(2, "usage: fanout 4|6 ADDRESS");
    int listener = listen_on(words[1], words[2]);
    struct epoll_event events[256], listening = {.events = EPOLLIN, .data.ptr = NULL};
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening)) err(1, "epoll");
    for (;;) {
        size_t before = log_length;
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            struct session *s = events[i].data.ptr;
            if (!s) accept_all(listener);
            else if (events[i].events & ~(uint32_t)EPOLLOUT && !read_some(s)) hang_up(s);
            else send_log(s);
        }
        if (log_length > before)
            for (struct session *s = sessions; s; s = s->next) send_log(s);
    }
}
