#pragma once

#include <stddef.h>
#include <sys/types.h>

// Descriptors over a UNIX socket (unix(7), SCM_RIGHTS).

/// Sends bytes, at least one, and with them a descriptor; none if it is negative. Answers as sendmsg(2) does.
ssize_t swoop_send_descriptor(int socket, const void *bytes, size_t count, int descriptor);

/// Receives bytes, and the descriptor that came with them, closed on exec; -1 where none came. Answers as recvmsg(2) does.
ssize_t swoop_receive_descriptor(int socket, void *bytes, size_t count, int *descriptor);

/// An empty file in memory, closed on exec. Answers as memfd_create(2) does.
int swoop_memory_file(const char *name);
