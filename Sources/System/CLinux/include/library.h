#pragma once
// What the library of hashes asks of the kernel beyond Swift's Glibc module.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/// The calling thread gives way to others in the use of processors and, where the I/O scheduler does so, of disks.
static inline void swoop_give_way(void) {
    setpriority(PRIO_PROCESS, 0, 10);             // On Linux: this thread alone.
    syscall(SYS_ioprio_set, 1, 0, (2 << 13) | 7);  // IOPRIO_WHO_PROCESS, best effort, lowest level.
}

enum { swoop_writer_none = 0, swoop_writer_some = 1, swoop_writer_unknown = 2 };

/// Whether some process of this machine has the file open for writing. `descriptor` was opened for reading only.
/// The kernel grants a read lease only where nobody has, and takes no time over it; not all file systems know leases,
/// and only the file's owner or root may ask.
static inline int swoop_has_writer(int descriptor) {
    // Should somebody open it in the instant that the lease lives, the signal is one that is ignored, not SIGIO.
    if (fcntl(descriptor, 10 /* F_SETSIG */, 23 /* SIGURG */) != 0) return swoop_writer_unknown;
    if (fcntl(descriptor, 1024 /* F_SETLEASE */, F_RDLCK) == 0) {
        fcntl(descriptor, 1024 /* F_SETLEASE */, F_UNLCK);
        return swoop_writer_none;
    }
    return errno == EAGAIN ? swoop_writer_some : swoop_writer_unknown;
}

/// NFS, SMB, FUSE (mounted buckets among them), 9P, Ceph, Lustre, AFS.
static inline int swoop_is_shared_kind(uint32_t kind) {
    switch (kind) {
    case 0x6969u: case 0x65735546u: case 0xff534d42u: case 0xfe534d42u: case 0x517bu: case 0x01021997u:
    case 0x00c36400u: case 0x0bd00bd0u: case 0x5346414fu: return 1;
    default: return 0;
    }
}

/// Whether others than this kernel may change the file system that `path` is on, so that inotify tells only a part.
static inline int swoop_is_shared_file_system(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 && swoop_is_shared_kind((uint32_t)status.f_type);
}

/// The same of the file system that an open file is on: its bytes may come over a network each time.
static inline int swoop_is_on_shared_file_system(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 && swoop_is_shared_kind((uint32_t)status.f_type);
}

/// One event of inotify(7), as `swoop_inotify_next` unpacks it.
struct swoop_inotify_event {
    int watch;
    uint32_t mask, cookie;
    /// Of `length` bytes, 0 for the watched directory itself; within the buffer.
    const char *name;
    size_t length;
};

/// Unpacks the event at `offset` of a buffer of `count` bytes; returns the offset of the next, or 0 at the end.
static inline size_t swoop_inotify_next(
    const char *buffer, size_t count, size_t offset, struct swoop_inotify_event *event
) {
    struct inotify_event header;
    if (offset > count || count - offset < sizeof header) return 0;
    memcpy(&header, buffer + offset, sizeof header);
    if (count - offset - sizeof header < header.len) return 0;
    event->watch = header.wd;
    event->mask = header.mask;
    event->cookie = header.cookie;
    event->name = buffer + offset + sizeof header;
    event->length = strnlen(event->name, header.len);
    return offset + sizeof header + header.len;
}

static inline int swoop_inotify_create(void) { return inotify_init1(IN_CLOEXEC | IN_NONBLOCK); }

enum {
    swoop_in_closed = IN_CLOSE_WRITE,
    swoop_in_created = IN_CREATE,
    swoop_in_moved_in = IN_MOVED_TO,
    swoop_in_gone = IN_DELETE | IN_MOVED_FROM,
    swoop_in_self_gone = IN_DELETE_SELF | IN_MOVE_SELF,
    swoop_in_unmounted = IN_UNMOUNT,
    swoop_in_overflow = IN_Q_OVERFLOW,
    swoop_in_ignored = IN_IGNORED,
    swoop_in_directory = IN_ISDIR,
    /// What a directory of the library is watched for. Links among its names are not followed.
    swoop_in_wanted = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF |
        IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK,
};
