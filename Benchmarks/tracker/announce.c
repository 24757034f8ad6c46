// Announces over UDP (BEP 15) as fast as a tracker answers: so many in flight, each for another of the given torrents and
// from another port, so that each is another peer. Prints announces answered, seconds, and errors.
//
//   announce ADDRESS PORT HASHES-FILE PEERS SECONDS [SOURCES]
//
// HASHES-FILE holds info hashes of 20 bytes each. It ends after PEERS announces (0: no bound) or SECONDS. With SOURCES, up to
// 250, they come from 127.0.1.1 and those that follow, in turn: as from so many hosts. Else all come from one. RATE in the
// environment: announces a second at most.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, BATCHES = 8, REQUEST = 98, MOST_SOURCES = 250 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void put32(unsigned char *to, uint32_t value) {
    value = htonl(value);
    memcpy(to, &value, 4);
}

static uint64_t connect_to(int fd) {
    unsigned char ask[16] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80}, answer[64];
    for (int tries = 0; tries < 20; tries++) {
        put32(ask + 12, 77);
        if (send(fd, ask, sizeof ask, 0) < 0) continue;
        if (recv(fd, answer, sizeof answer, 0) >= 16 && !memcmp(answer + 4, ask + 12, 4)) {
            uint64_t id;
            memcpy(&id, answer + 8, 8);
            return id;
        }
    }
    fprintf(stderr, "no answer from the tracker\n");
    exit(1);
}

int main(int count, char **words) {
    if (count != 6 && count != 7) return fprintf(stderr, "announce ADDRESS PORT HASHES-FILE PEERS SECONDS [SOURCES]\n"), 2;
    static unsigned char hashes[20 * 100000];
    FILE *file = fopen(words[3], "rb");
    size_t torrents = file ? fread(hashes, 20, 100000, file) : 0;
    if (!torrents) return fprintf(stderr, "no info hashes in %s\n", words[3]), 1;
    long peers = atol(words[4]);
    double limit = atof(words[5]);

    int sources = count > 6 ? atoi(words[6]) : 1;
    if (sources < 1 || sources > MOST_SOURCES) return fprintf(stderr, "1 to %d sources\n", MOST_SOURCES), 2;
    int fds[MOST_SOURCES], room = 8 << 20;
    uint64_t connections[MOST_SOURCES];
    for (int i = 0; i < sources; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(words[2]))};
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + i)};
        inet_pton(AF_INET, words[1], &to.sin_addr);
        struct timeval wait = {.tv_usec = 200000};
        fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
        setsockopt(fds[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        if (count > 6 && bind(fds[i], (struct sockaddr *)&from, sizeof from)) return perror("bind"), 1;
        if (connect(fds[i], (struct sockaddr *)&to, sizeof to)) return perror("connect"), 1;
        connections[i] = connect_to(fds[i]);
    }

    static unsigned char requests[BATCH][REQUEST], answers[BATCH][2048];
    struct mmsghdr sending[BATCH], receiving[BATCH];
    struct iovec out[BATCH], in[BATCH];
    memset(sending, 0, sizeof sending);
    memset(receiving, 0, sizeof receiving);
    for (int i = 0; i < BATCH; i++) {
        put32(requests[i] + 8, 1);
        memcpy(requests[i] + 36, "-BM0001-", 8);
        put32(requests[i] + 68, 1 << 20);  // left, low half of 64..71
        put32(requests[i] + 92, 30);       // peers wanted
        out[i] = (struct iovec){requests[i], REQUEST};
        in[i] = (struct iovec){answers[i], sizeof answers[i]};
        sending[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
        receiving[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
    }
    long asked = 0, answered = 0, errors = 0, lost = 0, sent_batches = 0, heard_batches = 0;
    int waiting[BATCHES];
    double begin = now(), end = begin + limit;
    double rate = getenv("RATE") ? atof(getenv("RATE")) : 0;
    while (now() < end && (!peers || answered + errors + lost < peers)) {
        while (sent_batches - heard_batches < BATCHES && (!peers || asked < peers)) {
            int batch = peers && peers - asked < BATCH ? (int)(peers - asked) : BATCH;
            long due = rate ? (long)((now() - begin) * rate) - asked : BATCH;
            if (due <= 0) break;
            if (due < batch) batch = (int)due;
            int source = sent_batches % sources;
            for (int i = 0; i < batch; i++, asked++) {
                long round = asked / (long)torrents;
                memcpy(requests[i], &connections[source], 8);
                put32(requests[i] + 12, (uint32_t)asked);
                memcpy(requests[i] + 16, hashes + 20 * (asked % torrents), 20);
                memcpy(requests[i] + 48, &round, 8);
                uint16_t port = htons(1024 + round % 60000);
                memcpy(requests[i] + 96, &port, 2);
            }
            for (int sent = 0; sent < batch;) {
                int n = sendmmsg(fds[source], sending + sent, batch - sent, 0);
                if (n < 0 && errno != EINTR && errno != ENOBUFS) return perror("sendmmsg"), 1;
                if (n > 0) sent += n;
            }
            waiting[sent_batches++ % BATCHES] = batch;
        }
        if (sent_batches == heard_batches) {
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
            continue;
        }
        // Answers to the oldest batch; it is over when all are here, or none comes for 0.2 s.
        int *left = &waiting[heard_batches % BATCHES];
        int got = recvmmsg(fds[heard_batches % sources], receiving, *left, MSG_WAITFORONE, NULL);
        for (int i = 0; i < got; i++) answered += answers[i][3] == 1, errors += answers[i][3] != 1;
        if (got < 0) lost += *left, *left = 0;
        else *left -= got;
        if (*left == 0) heard_batches++;
    }
    printf("{\"answered\": %ld, \"seconds\": %.3f, \"errors\": %ld, \"lost\": %ld}\n", answered, now() - begin, errors, lost);
    return 0;
}
