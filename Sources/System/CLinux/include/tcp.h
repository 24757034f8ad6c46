#pragma once
#include <stdint.h>

/// What the kernel knows of a connection's line: a part of struct tcp_info. Swift's Glibc module has an older one.
struct swoop_path {
    /// Microseconds; the least of the last minutes (`tcp_min_rtt_wlen`), UINT32_MAX before the first sample.
    uint32_t least_round_trip;
    /// Segments with data, repeated ones included, and those repeated.
    uint32_t segments_sent, segments_repeated;
    /// Segments that came before others of which they are the continuation: some were lost, or overtaken. 0 where the
    /// kernel does not count them (before Linux 5.4).
    uint32_t segments_out_of_order;
};

/// Returns 0, or errno; ENOTSUP where the kernel tells less (before Linux 4.9).
int swoop_path_of(int descriptor, struct swoop_path *path);

/// Another algorithm of congestion control by name, for what is sent from now on. Returns 0, or errno: EPERM when it may
/// not be chosen (`tcp_allowed_congestion_control`, or a route that locks another), ENOENT when it is not there.
int swoop_set_congestion_control(int descriptor, const char *name);
