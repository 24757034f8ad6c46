#pragma once
// Datagrams by the batch: recvmmsg and sendmmsg, whose structures Swift cannot lay out. Everything a batch needs is one
// block of memory, set up once, so that a turn of a UDP server's loop allocates nothing.
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { swoop_batch_size = 64, swoop_datagram_room = 2048, swoop_control_room = 64 };

// struct mmsghdr and the two calls need _GNU_SOURCE, which the users of this header may or may not define: the same
// under names of our own.
struct swoop_message {
    struct msghdr header;
    unsigned int length;
};
extern int swoop_recvmmsg(int, struct swoop_message *, unsigned int, int, struct timespec *) __asm__("recvmmsg");
extern int swoop_sendmmsg(int, struct swoop_message *, unsigned int, int) __asm__("sendmmsg");

struct swoop_batch {
    struct swoop_message in[swoop_batch_size], out[swoop_batch_size];
    struct iovec in_part[swoop_batch_size], out_part[swoop_batch_size];
    struct sockaddr_in6 source[swoop_batch_size];
    _Alignas(8) uint8_t control[swoop_batch_size][swoop_control_room];
    _Alignas(8) uint8_t request[swoop_batch_size][swoop_datagram_room];
    _Alignas(8) uint8_t reply[swoop_batch_size][swoop_datagram_room];
    int replies;
};

/// A batch of its own; NULL without memory. Free it with free().
static inline struct swoop_batch *swoop_batch_create(void) {
    struct swoop_batch *batch = (struct swoop_batch *)calloc(1, sizeof *batch);
    if (!batch) return NULL;
    for (int i = 0; i < swoop_batch_size; i++) {
        batch->in_part[i].iov_base = batch->request[i];
        batch->in_part[i].iov_len = swoop_datagram_room;
        batch->in[i].header.msg_iov = &batch->in_part[i];
        batch->in[i].header.msg_iovlen = 1;
        batch->in[i].header.msg_name = &batch->source[i];
        batch->out_part[i].iov_base = batch->reply[i];
        batch->out[i].header.msg_iov = &batch->out_part[i];
        batch->out[i].header.msg_iovlen = 1;
    }
    return batch;
}

/// Receives what is there, at most a batch, and forgets the replies of the last one. `control`: also the local address
/// each datagram came to. Returns how many, or -1 with errno.
static inline int swoop_batch_receive(struct swoop_batch *batch, int socket, int control) {
    batch->replies = 0;
    for (int i = 0; i < swoop_batch_size; i++) {
        struct msghdr *header = &batch->in[i].header;
        header->msg_namelen = sizeof batch->source[i];
        header->msg_control = control ? batch->control[i] : NULL;
        header->msg_controllen = control ? swoop_control_room : 0;
    }
    return swoop_recvmmsg(socket, batch->in, swoop_batch_size, MSG_DONTWAIT, NULL);
}

/// Length of datagram `i`, or -1 when it was cut off.
static inline int swoop_batch_length(const struct swoop_batch *batch, int i) {
    return batch->in[i].header.msg_flags & MSG_TRUNC ? -1 : (int)batch->in[i].length;
}

static inline const uint8_t *swoop_batch_request(const struct swoop_batch *batch, int i) { return batch->request[i]; }
static inline const struct sockaddr_in6 *swoop_batch_source(const struct swoop_batch *batch, int i) {
    return &batch->source[i];
}

/// Where to write the next reply; room for swoop_datagram_room bytes.
static inline uint8_t *swoop_batch_reply(struct swoop_batch *batch) { return batch->reply[batch->replies]; }

/// Queues `length` bytes written there as the reply to datagram `i`, from the address that datagram was sent to.
static inline void swoop_batch_queue(struct swoop_batch *batch, int i, size_t length) {
    int k = batch->replies++;
    struct msghdr *out = &batch->out[k].header, *in = &batch->in[i].header;
    batch->out_part[k].iov_len = length;
    out->msg_name = &batch->source[i];
    out->msg_namelen = in->msg_namelen;
    out->msg_control = in->msg_controllen ? in->msg_control : NULL;
    out->msg_controllen = in->msg_controllen;
}

/// Sends the queued replies from number `from` on; returns how many the kernel took, or -1 with errno.
static inline int swoop_batch_send(struct swoop_batch *batch, int socket, int from) {
    return swoop_sendmmsg(socket, batch->out + from, (unsigned int)(batch->replies - from), MSG_DONTWAIT);
}

/// Where a reply goes that is written later, after the batch has other contents: to whom, and from which local address.
struct swoop_return {
    struct sockaddr_in6 source;
    _Alignas(8) uint8_t control[swoop_control_room];
    uint16_t name_length, control_length;
};

/// The return address of datagram `i`.
static inline struct swoop_return swoop_batch_return(const struct swoop_batch *batch, int i) {
    struct swoop_return result;
    const struct msghdr *in = &batch->in[i].header;
    result.source = batch->source[i];
    memcpy(result.control, batch->control[i], sizeof result.control);
    result.name_length = (uint16_t)in->msg_namelen;
    result.control_length = (uint16_t)(in->msg_controllen <= swoop_control_room ? in->msg_controllen : 0);
    return result;
}

/// Forgets the replies that were queued.
static inline void swoop_batch_clear(struct swoop_batch *batch) { batch->replies = 0; }

/// Queues `length` bytes written at `swoop_batch_reply` as a reply to a return address. Nothing may be received into this batch.
static inline void swoop_batch_queue_return(struct swoop_batch *batch, const struct swoop_return *to, size_t length) {
    int k = batch->replies++;
    struct msghdr *out = &batch->out[k].header;
    batch->source[k] = to->source;
    memcpy(batch->control[k], to->control, sizeof to->control);
    batch->out_part[k].iov_len = length;
    out->msg_name = &batch->source[k];
    out->msg_namelen = to->name_length;
    out->msg_control = to->control_length ? batch->control[k] : NULL;
    out->msg_controllen = to->control_length;
}
