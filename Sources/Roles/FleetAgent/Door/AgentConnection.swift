import Glibc
import JSON
import Threads

/// A connection over the agent's UNIX socket, on either side. Each line is a JSON object.
package final class AgentConnection: Sendable {
    /// Maximum length of a line, in bytes.
    private static let longest = 1 << 20

    private let descriptor: Int32

    package init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Connects to an agent. Blocks.
    /// - Returns: nil if no agent listens there.
    package static func to(_ path: String) -> AgentConnection? {
        guard let address = address(path) else { return nil }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let connection = AgentConnection(descriptor)
        return withAddress(address) { connect(descriptor, $0, $1) } == 0 ? connection : nil
    }

    /// Nil if the path is too long for a UNIX socket.
    static func address(_ path: String) -> sockaddr_un? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8) + [0]
        guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path), bytes.count > 1 else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    static func withAddress<R>(_ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    // MARK: Lines. These calls block.

    /// - Returns: false if the other side has closed the connection.
    package func write(_ value: JSONValue) -> Bool {
        let bytes = value.encode() + [0x0a]
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// Reads the next line.
    /// - Parameter rest: bytes that have been received and not used yet.
    /// - Parameter milliseconds: maximum wait for more bytes; -1 for no limit.
    /// - Returns: nil at the end of the connection, after a timeout, and for a line that is not JSON.
    package func read(_ rest: inout [UInt8], milliseconds: Int32 = -1) -> JSONValue? {
        var block = [UInt8](repeating: 0, count: 16_384)
        while true {
            if let end = rest.firstIndex(of: 0x0a) {
                let line = Array(rest[..<end])
                rest.removeSubrange(...end)
                return try? JSONValue.parse(line)
            }
            guard rest.count < Self.longest else { return nil }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&waiting, 1, milliseconds)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return nil }
            let count = recv(descriptor, &block, block.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            rest += block.prefix(count)
        }
    }
}

/// Names of local users.
enum LocalUser {
    /// The user's name, if there is one, and the numeric id as a text.
    static func names(of id: uid_t) -> [String] {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwuid_r(id, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return [String(id)] }
        return [String(cString: entry.pw_name), String(id)]
    }
}
