/* load: plays all clients of one route reflector and measures when they have received what they should.
 *
 *     load 4|6 REFLECTOR FIRST-CLIENT CLIENTS PREFIXES-EACH [RECORD-FILE]
 *
 * Client i connects from FIRST-CLIENT + i. It sends only messages that were made beforehand: a message file is a
 * sequence of (client, length: native 32-bit numbers; the message). One command a line on standard input, one line of
 * JSON as its answer; a command gives up after TIMEOUT seconds, and all but `connect` when a session is lost:
 *
 *     connect FILE WINDOW TIMEOUT   bring up the clients in FILE, which has their OPENs, WINDOW at a time
 *     play FILE TIMEOUT             send all of FILE at once
 *     pace FILE RATE TIMEOUT        send RATE UPDATEs a second, each of one prefix and with its number as MED
 *
 * Rule: what a client should have is what the others have sent, found by scanning the sent UPDATEs as the received
 * ones are scanned. `seconds` ends with the octets that gave the last client the last prefix. A client's own prefixes
 * do not count: some reflectors send them back (RFC 4456 8), some do not. Nothing but lengths, NLRI and MED is read in
 * a received UPDATE; RECORD-FILE gets the UPDATEs whole, in the form of a message file, for a thorough reader.
 *
 * Prefix n is a /26 or a /122 with n in the 18 bits before its host bits, so a table of them is a bitmap.
 * Under `pace` the latency of an UPDATE is from when it was due until a client has it or a later one of its prefix
 * (a reflector may skip states). `lag` is the worst of what the load itself was late.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 19, LONGEST = 4096, READ_OCTETS = 1 << 18, OPEN = 1, UPDATE = 2, NOTIFICATION = 3, KEEPALIVE = 4 };
enum { MED = 4, MP_REACH_NLRI = 14, MP_UNREACH_NLRI = 15, EXTENDED_LENGTH = 0x10 };
static const double RETRY_SECONDS = 0.05, KEEPALIVE_SECONDS = 30;
static const uint8_t KEEPALIVE_MESSAGE[HEADER] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                                  255, 255, 255, 255, 255, 255, 0,   HEADER, KEEPALIVE};

struct table {                     /* the prefixes one client has received, or all that were advertised */
    uint64_t *bits;
    uint32_t count;                /* of bits, without those in [own, own_end) */
    uint32_t own, own_end;
};

enum state { UNWANTED, WAITING, CONNECTING, OPEN_SENT, OPEN_CONFIRM, ESTABLISHED };

struct client {
    enum state state;
    int fd;
    double retry_at;
    const uint8_t *open;
    uint32_t open_length, announced; /* announced: prefixes it has advertised and not withdrawn */
    struct table table;
    bool agrees;                   /* it has exactly as many prefixes as it should */
    uint32_t *seen;                /* by prefix: the last number seen; only while pacing */
    uint8_t *out, partial[LONGEST];
    size_t out_start, out_end, out_size, partial_length;
    bool waits_to_write;
};

struct messages { uint8_t *data; size_t length; };

static int family, poller;
static uint32_t clients_count, prefixes_count, established, wanted, agreeing, connecting;
static uint64_t duplicates, retries, lost, received;
static struct client *clients;
static struct table truth;
static struct sockaddr_storage reflector, first_client;
static socklen_t address_length;
static FILE *record;
static double now, started, first_open, last_keepalive;

/* The paced UPDATEs: when each was due, and the one before it of the same prefix; numbers start at pace_first. */
static double *due;
static uint32_t *former, *latest, pace_first, pace_count;
static float *latencies;
static size_t latencies_count;
static uint32_t promised_prefix; /* the last that was announced */

static double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *zeros(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) err(1, "memory");
    return memory;
}

static uint32_t be16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t be32(const uint8_t *p) { return be16(p) << 16 | be16(p + 2); }

/* ------------------------------------------------------------------------------------------- UPDATEs */

static void sample(struct client *c, uint32_t prefix, uint32_t number) {
    if (number < pace_first || number >= pace_first + pace_count) return;
    uint32_t seen = c->seen[prefix];
    for (uint32_t n = number; n > seen && n >= pace_first; n = former[n - pace_first])
        latencies[latencies_count++] = (float)(now - due[n - pace_first]);
    if (number > seen) c->seen[prefix] = number;
}

static void scan_nlri(struct table *t, const uint8_t *p, const uint8_t *end, bool announce, struct client *c, uint32_t med) {
    const uint32_t bits = family == 4 ? 26 : 122, octets = family == 4 ? 5 : 17;
    for (; p + octets <= end && p[0] == bits; p += octets) {
        uint32_t prefix = (be32(p + octets - 4) & 0xffffff) >> 6;
        if (prefix >= prefixes_count) errx(1, "prefix %u of %u in an UPDATE", prefix, prefixes_count);
        if (prefix - t->own < t->own_end - t->own) continue;
        uint64_t mask = 1ull << (prefix & 63), *word = &t->bits[prefix >> 6];
        bool present = *word & mask;
        if (announce && present) duplicates++;
        if (announce != present) { *word ^= mask; t->count += announce ? 1 : -1u; }
        if (!c) promised_prefix = prefix;
        else if (announce && c->seen) sample(c, prefix, med);
    }
    if (p != end) errx(1, "an NLRI of length %u, where all have %u", p[0], bits);
}

/* Enter one UPDATE into a table. Returns its MED, 0 without one. */
static uint32_t scan_update(struct table *t, const uint8_t *message, uint32_t length, struct client *c) {
    const uint8_t *end = message + length, *withdrawn = message + HEADER + 2;
    const uint8_t *attributes = withdrawn + be16(withdrawn - 2) + 2, *nlri = attributes + be16(attributes - 2);
    const uint8_t *reach = NULL, *reach_end = NULL;
    uint32_t med = 0;
    if (nlri > end) errx(1, "an UPDATE that is longer inside than outside");
    scan_nlri(t, withdrawn, attributes - 2, false, c, 0);
    for (const uint8_t *p = attributes, *value; p < nlri;) {
        bool extended = p[0] & EXTENDED_LENGTH;
        uint32_t code = p[1], size = extended ? be16(p + 2) : p[2];
        value = p + (extended ? 4 : 3);
        p = value + size;
        if (code == MED) med = be32(value);
        else if (code == MP_UNREACH_NLRI) scan_nlri(t, value + 3, p, false, c, 0);
        else if (code == MP_REACH_NLRI) reach = value + 5 + value[3], reach_end = p;
    }
    if (reach) scan_nlri(t, reach, reach_end, true, c, med);
    scan_nlri(t, nlri, end, true, c, med);
    return med;
}

/* ------------------------------------------------------------------------------------------ sessions */

static void watch(struct client *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event)) err(1, "epoll");
}

static void compare(struct client *c) {
    bool agrees = c->state == ESTABLISHED && c->table.count == truth.count - c->announced;
    agreeing += agrees - c->agrees;
    c->agrees = agrees;
}

static void start_connect(struct client *c) {
    struct sockaddr_storage source = first_client;
    uint32_t index = (uint32_t)(c - clients), *low;
    low = family == 4 ? &((struct sockaddr_in *)&source)->sin_addr.s_addr
                      : (uint32_t *)&((struct sockaddr_in6 *)&source)->sin6_addr.s6_addr[12];
    *low = htonl(ntohl(*low) + index);
    c->fd = socket(source.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) err(1, "socket");
    if (bind(c->fd, (struct sockaddr *)&source, address_length)) err(1, "client %u has no address", index);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(c->fd, (struct sockaddr *)&reflector, address_length) && errno != EINPROGRESS) err(1, "connect");
    c->state = CONNECTING;
    connecting++;
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

/* The connection ended. `connect` tries it again, to other commands a lost session is the end. */
static void hang_up(struct client *c, const char *why) {
    if (c->state == ESTABLISHED) {
        fprintf(stderr, "load: client %ld lost its session: %s\n", (long)(c - clients), why);
        established--;
        lost++;
    } else {
        if (c->state != OPEN_CONFIRM) connecting--;
        retries++;
    }
    c->state = WAITING;
    c->retry_at = now + RETRY_SECONDS;
    close(c->fd);
    c->partial_length = c->out_start = c->out_end = 0;
    c->waits_to_write = false;
    compare(c);
}

static void flush(struct client *c) {
    while (c->out_start < c->out_end) {
        ssize_t sent = send(c->fd, c->out + c->out_start, c->out_end - c->out_start, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) { hang_up(c, strerror(errno)); return; }
        if (sent < 0) break;
        c->out_start += (size_t)sent;
    }
    bool waits = c->out_start < c->out_end;
    if (!waits) c->out_start = c->out_end = 0;
    if (waits != c->waits_to_write) watch(c, EPOLL_CTL_MOD, waits ? EPOLLIN | EPOLLOUT : EPOLLIN);
    c->waits_to_write = waits;
}

static void queue(struct client *c, const uint8_t *data, size_t length) {
    if (c->out_end + length > c->out_size) {
        c->out_size = (c->out_end + length) * 2;
        if (!(c->out = realloc(c->out, c->out_size))) err(1, "memory");
    }
    memcpy(c->out + c->out_end, data, length);
    c->out_end += length;
}

static void receive(struct client *c, const uint8_t *message, uint32_t length) {
    uint8_t kind = message[18];
    if (kind == UPDATE && c->state == ESTABLISHED) {
        if (record) {
            uint32_t heading[2] = {(uint32_t)(c - clients), length};
            if (fwrite(heading, sizeof heading, 1, record) != 1 || fwrite(message, length, 1, record) != 1)
                err(1, "record");
        }
        scan_update(&c->table, message, length, c);
    } else if (kind == OPEN && c->state == OPEN_SENT) {
        if (!first_open) first_open = now;
        connecting--;
        c->state = OPEN_CONFIRM;
        queue(c, KEEPALIVE_MESSAGE, HEADER);
        flush(c);
    } else if (kind == KEEPALIVE && c->state == OPEN_CONFIRM) {
        c->state = ESTABLISHED;
        established++;
    } else if (kind == NOTIFICATION && c->state == ESTABLISHED) {
        fprintf(stderr, "load: client %ld received NOTIFICATION %d/%d\n", (long)(c - clients), message[HEADER],
                message[HEADER + 1]);
    }
}

/* Read once and take all whole messages; the start of one that is not whole is kept. */
static void read_some(struct client *c) {
    static uint8_t buffer[LONGEST + READ_OCTETS];
    memcpy(buffer, c->partial, c->partial_length);
    ssize_t count = recv(c->fd, buffer + c->partial_length, READ_OCTETS, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) { hang_up(c, count ? strerror(errno) : "closed"); return; }
    now = clock_now();
    received += (uint64_t)count;
    const uint8_t *p = buffer, *end = buffer + c->partial_length + (size_t)count;
    for (uint32_t length; end - p >= HEADER && end - p >= (length = be16(p + 16)); p += length) {
        if (length < HEADER || length > LONGEST) errx(1, "a message of %u octets", length);
        receive(c, p, length);
    }
    c->partial_length = (size_t)(end - p);
    memcpy(c->partial, p, c->partial_length);
    compare(c);
}

static void on_event(struct client *c, uint32_t events) {
    if (c->state == CONNECTING) {
        if (events & (EPOLLERR | EPOLLHUP)) { hang_up(c, "refused"); return; }
        c->state = OPEN_SENT;
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
        queue(c, c->open, c->open_length);
        flush(c);
        return;
    }
    if (events & EPOLLOUT) flush(c);
    if (c->state > CONNECTING && events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_some(c);
}

static void keep_alive(void) {
    if (now - last_keepalive < KEEPALIVE_SECONDS) return;
    last_keepalive = now;
    for (struct client *c = clients; c < clients + clients_count; c++)
        if (c->state == ESTABLISHED) { queue(c, KEEPALIVE_MESSAGE, HEADER); flush(c); }
}

/* One turn of the loop; it waits at most `patience` seconds. */
static void turn(double patience) {
    struct epoll_event events[256];
    struct timespec wait = {.tv_nsec = (long)((patience < 0 ? 0 : patience > 0.02 ? 0.02 : patience) * 1e9)};
    int count = epoll_pwait2(poller, events, 256, &wait, NULL);
    now = clock_now();
    for (int i = 0; i < count; i++) on_event(events[i].data.ptr, events[i].events);
    keep_alive();
}

/* ------------------------------------------------------------------------------------------ commands */

static struct messages load(const char *path) {
    struct messages m = {0};
    struct stat status;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &status)) err(1, "%s", path);
    m.length = (size_t)status.st_size;
    m.data = zeros(m.length, 1);
    if (read(fd, m.data, m.length) != status.st_size) err(1, "%s", path);
    close(fd);
    return m;
}

/* The message at *position and whose it is; moves on to the next. */
static const uint8_t *next(const struct messages *m, size_t *position, struct client **c, uint32_t *length) {
    uint32_t heading[2];
    memcpy(heading, m->data + *position, sizeof heading);
    if (heading[0] >= clients_count) errx(1, "a message of client %u of %u", heading[0], clients_count);
    const uint8_t *message = m->data + *position + sizeof heading;
    *c = &clients[heading[0]];
    *length = heading[1];
    *position += sizeof heading + heading[1];
    return message;
}

/* What a client is about to send becomes what the others should have. Returns the UPDATE's MED. */
static uint32_t promise(struct client *c, const uint8_t *message, uint32_t length) {
    uint32_t before = truth.count, med = scan_update(&truth, message, length, NULL);
    c->announced += truth.count - before;
    return med;
}

static void compare_all(void) {
    for (struct client *c = clients; c < clients + clients_count; c++) compare(c);
}

/* A command is over: prefixes that clients have and should not, or the other way round. */
static uint64_t finish(void) {
    uint64_t sum = 0;
    if (record && fflush(record)) err(1, "record");
    for (struct client *c = clients; c < clients + clients_count; c++)
        for (uint32_t prefix = 0; c->state == ESTABLISHED && prefix < prefixes_count; prefix++)
            if (prefix - c->table.own >= c->table.own_end - c->table.own)
                sum += ((c->table.bits[prefix >> 6] ^ truth.bits[prefix >> 6]) >> (prefix & 63)) & 1;
    return sum;
}

static void begin(void) {
    duplicates = retries = lost = received = 0;
    now = started = clock_now();
}

static void connect_clients(const char *path, uint32_t window, double timeout) {
    struct messages opens = load(path);
    for (size_t position = 0; position < opens.length; wanted++) {
        struct client *c;
        uint32_t length;
        const uint8_t *message = next(&opens, &position, &c, &length);
        c->open = message, c->open_length = length, c->state = WAITING, c->retry_at = 0;
    }
    begin();
    first_open = 0;
    while ((established < wanted || agreeing < wanted) && now - started < timeout) {
        for (struct client *c = clients; c < clients + clients_count && connecting < window; c++)
            if (c->state == WAITING && c->retry_at <= now) start_connect(c);
        turn(RETRY_SECONDS / 10);
    }
    printf("{\"done\": %s, \"seconds\": %.6f, \"since_open\": %.6f, \"retries\": %lu, \"wrong\": %lu, \"lost\": %lu}\n",
           established == wanted && agreeing == wanted ? "true" : "false", now - started,
           first_open ? now - first_open : 0, retries, finish(), lost);
}

static void play(const char *path, double timeout) {
    struct messages m = load(path);
    for (size_t position = 0; position < m.length;) {
        struct client *c;
        uint32_t length;
        const uint8_t *message = next(&m, &position, &c, &length);
        promise(c, message, length);
        queue(c, message, length);
    }
    compare_all();
    begin();
    for (struct client *c = clients; c < clients + clients_count; c++)
        if (c->state == ESTABLISHED) flush(c);
    while (agreeing < wanted && !lost && now - started < timeout) turn(1);
    printf("{\"done\": %s, \"seconds\": %.6f, \"wrong\": %lu, \"duplicates\": %lu, \"octets\": %lu, \"lost\": %lu}\n",
           agreeing == wanted ? "true" : "false", now - started, finish(), duplicates, received, lost);
    free(m.data);
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void pace(const char *path, double rate, double timeout) {
    struct messages m = load(path);
    struct client *c;
    uint32_t length;
    pace_count = 0;
    for (size_t position = 0; position < m.length; pace_count++) next(&m, &position, &c, &length);
    size_t expected = (size_t)pace_count * (wanted - 1);
    due = zeros(pace_count, sizeof *due);
    former = zeros(pace_count, sizeof *former);
    latest = zeros(prefixes_count, sizeof *latest);
    latencies = zeros(expected + clients_count, sizeof *latencies);
    latencies_count = 0;
    for (c = clients; c < clients + clients_count; c++) c->seen = zeros(prefixes_count, sizeof *c->seen);
    begin();
    double lag = 0;
    uint32_t sent = 0;
    for (size_t position = 0; latencies_count < expected && !lost && now - started < timeout;) {
        while (sent < pace_count && started + sent / rate <= now) {
            const uint8_t *message = next(&m, &position, &c, &length);
            uint32_t number = promise(c, message, length);
            if (sent == 0) pace_first = number;
            if (number != pace_first + sent) errx(1, "UPDATE %u has MED %u", sent, number);
            due[sent] = started + sent / rate;
            former[sent] = latest[promised_prefix];
            latest[promised_prefix] = number;
            if (now - due[sent] > lag) lag = now - due[sent];
            sent++;
            queue(c, message, length);
            if (c->state == ESTABLISHED) flush(c);
        }
        turn(sent < pace_count ? started + sent / rate - now : 1);
    }
    qsort(latencies, latencies_count, sizeof *latencies, by_size);
    printf("{\"done\": %s, \"seconds\": %.6f, \"samples\": %zu, \"missing\": %zu, \"p50\": %.6f, \"p99\": %.6f, "
           "\"max\": %.6f, \"lag\": %.6f, \"wrong\": %lu, \"lost\": %lu}\n",
           latencies_count == expected ? "true" : "false", now - started, latencies_count, expected - latencies_count,
           latencies_count ? latencies[latencies_count / 2] : 0, latencies_count ? latencies[latencies_count * 99 / 100] : 0,
           latencies_count ? latencies[latencies_count - 1] : 0, lag, finish(), lost);
    for (c = clients; c < clients + clients_count; c++) { free(c->seen); c->seen = NULL; }
    free(due), free(former), free(latest), free(latencies), free(m.data);
}

static void parse_address(const char *text, struct sockaddr_storage *address, uint16_t port) {
    struct sockaddr_in *four = (struct sockaddr_in *)address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
    address->ss_family = family == 4 ? AF_INET : AF_INET6;
    if (family == 4) four->sin_port = htons(port); else six->sin6_port = htons(port);
    if (inet_pton(address->ss_family, text, family == 4 ? (void *)&four->sin_addr : (void *)&six->sin6_addr) != 1)
        errx(2, "%s is no IPv%d address", text, family);
    address_length = family == 4 ? sizeof *four : sizeof *six;
}

int main(int count, char **words) {
    if (count < 6) errx(2, "usage: load 4|6 REFLECTOR FIRST-CLIENT CLIENTS PREFIXES-EACH [RECORD-FILE]");
    family = atoi(words[1]);
    parse_address(words[2], &reflector, 179);
    parse_address(words[3], &first_client, 0);
    clients_count = (uint32_t)atoi(words[4]);
    uint32_t each = (uint32_t)atoi(words[5]);
    prefixes_count = clients_count * each;
    if (count > 6 && !(record = fopen(words[6], "wb"))) err(1, "%s", words[6]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    clients = zeros(clients_count, sizeof *clients);
    truth.bits = zeros(prefixes_count / 64 + 1, 8);
    for (uint32_t i = 0; i < clients_count; i++) {
        clients[i].table = (struct table){.own = i * each, .own_end = (i + 1) * each};
        clients[i].table.bits = zeros(prefixes_count / 64 + 1, 8);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    char line[4096], path[4000];
    double number, timeout;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "connect %3999s %lf %lf", path, &number, &timeout) == 3)
            connect_clients(path, (uint32_t)number, timeout);
        else if (sscanf(line, "play %3999s %lf", path, &timeout) == 2) play(path, timeout);
        else if (sscanf(line, "pace %3999s %lf %lf", path, &number, &timeout) == 3) pace(path, number, timeout);
        else errx(2, "no such command: %s", line);
    }
    return 0;
}
