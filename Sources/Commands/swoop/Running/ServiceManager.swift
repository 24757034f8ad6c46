import Glibc

/// Tells systemd, if it runs this process, that the service is ready (protocol of sd_notify).
enum ServiceManager {
    /// Whether systemd started this process itself. A process that a shell under systemd has started inherits variables
    /// such as `INVOCATION_ID`, but does not count.
    static let isParent =
        Terminal.environment("NOTIFY_SOCKET") != nil || Terminal.environment("SYSTEMD_EXEC_PID") == "\(getpid())"

    static func ready() {
        guard let name = Terminal.environment("NOTIFY_SOCKET"), !name.isEmpty else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // The name of an abstract socket begins with a NUL, written as an at sign.
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + path.count } ?? 0
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array("READY=1".utf8)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL), $0, socklen_t(length))
            }
        }
    }
}
