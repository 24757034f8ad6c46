#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    swoop_epoll_in = EPOLLIN,
    swoop_epoll_out = EPOLLOUT,
    swoop_epoll_error = EPOLLERR,
    swoop_epoll_hangup = EPOLLHUP | EPOLLRDHUP,
    swoop_epoll_peer_closed = EPOLLRDHUP,
};

/// The kernel's struct epoll_event is packed and holds a union, which Swift imports badly.
static inline int swoop_epoll_control(int epoll, int operation, int descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = descriptor};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

static inline int swoop_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int swoop_eventfd_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/// Waits, and writes what is ready to two parallel arrays of `capacity` elements.
static inline int swoop_epoll_wait(int epoll, int *descriptors, uint32_t *events, int capacity, int milliseconds) {
    struct epoll_event ready[256];
    if (capacity > 256) capacity = 256;
    int count = epoll_wait(epoll, ready, capacity, milliseconds);
    for (int i = 0; i < count; i++) {
        descriptors[i] = ready[i].data.fd;
        events[i] = ready[i].events;
    }
    return count;
}

// Without _GNU_SOURCE, which Swift's Glibc module is not built with either; what needs it belongs in a .c file.
extern int accept4(int, struct sockaddr *, socklen_t *, int);

static inline int swoop_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// Has the kernel send this process a signal when the thread that started it ends, and so when its parent does (prctl(2)).
/// Only as long as the calling thread lives: call it on the first.
static inline void swoop_signal_at_parents_end(int signal) { prctl(PR_SET_PDEATHSIG, signal); }

/// Whether the caller runs on the thread with which the process began.
static inline bool swoop_is_first_thread(void) { return syscall(SYS_gettid) == getpid(); }

/// Names the calling thread; 15 bytes of it are kept.
static inline void swoop_name_thread(const char *name) { prctl(PR_SET_NAME, name); }
