import Glibc
import Synchronization

/// Says once in a process what an administrator can do where packets are lost on a long path and BBR cannot be
/// selected.
final class CongestionAdvice: Sendable {
    private let hasSpoken = Atomic(false)

    /// - Parameter code: `errno` of the attempt to select BBR.
    func text(_ code: CInt) -> String? {
        guard !hasSpoken.exchange(true, ordering: .relaxed) else { return nil }
        let why: String
        switch code {
        case ENOENT: why = "the system does not have it: run `modprobe tcp_bbr` as root, and allow it"
        case EPERM: why = "it is not allowed, or a route locks another: allow it"
        default: why = "\(String(cString: strerror(code))): allow it"
        }
        return
            "packets are lost on a long line, and congestion control that is made for that (BBR) cannot be chosen here; \(why)"
            + " with `sysctl -w net.ipv4.tcp_allowed_congestion_control=\"$(sysctl -n net.ipv4.tcp_allowed_congestion_control) bbr\"`"
    }
}
