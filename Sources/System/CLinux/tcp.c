#include "CLinux.h"
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

int swoop_path_of(int descriptor, struct swoop_path *path) {
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    socklen_t length = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return errno;
    if (length < offsetof(struct tcp_info, tcpi_data_segs_out) + sizeof info.tcpi_data_segs_out) return ENOTSUP;
    path->least_round_trip = info.tcpi_min_rtt;
    path->segments_sent = info.tcpi_data_segs_out;
    path->segments_repeated = info.tcpi_total_retrans;
    path->segments_out_of_order = info.tcpi_rcv_ooopack;
    return 0;
}

int swoop_set_congestion_control(int descriptor, const char *name) {
    return setsockopt(descriptor, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0 ? 0 : errno;
}
