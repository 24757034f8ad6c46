import Glibc

/// An IPv4 or IPv6 address with a port, in the kernel's form. IPv4-mapped IPv6 becomes IPv4.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16 bytes, network order.
    public let host: [UInt8]
    public let port: UInt16
    /// Scope of a link-local IPv6 address; 0 for other addresses.
    public var scope: UInt32 = 0

    /// - Returns: nil unless `host` has 4 or 16 bytes.
    public init?(host: [UInt8], port: UInt16) {
        guard host.count == 4 || host.count == 16 else { return nil }
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        self.host = host.count == 16 && host.starts(with: mapped) ? Array(host.suffix(4)) : host
        self.port = port
    }

    public static func any(port: UInt16) -> SocketAddress {
        SocketAddress(unchecked: Array(repeating: 0, count: 16), port)
    }

    private init(unchecked host: [UInt8], _ port: UInt16) {
        self.host = host
        self.port = port
    }

    public var isIPv4: Bool { host.count == 4 }
    public var isAny: Bool { host.allSatisfy { $0 == 0 } }
    public func with(port: UInt16) -> SocketAddress { SocketAddress(unchecked: host, port) }

    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        host.withUnsafeBytes { bytes in
            _ = inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes.baseAddress, &text, socklen_t(text.count))
        }
        let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return isIPv4 ? "\(name):\(port)" : "[\(name)]:\(port)"
    }

    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        if isIPv4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: host) }
            return withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_scope_id = scope
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: host) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }

    init?(_ storage: sockaddr_storage) {
        var storage = storage
        switch CInt(storage.ss_family) {
        case AF_INET:
            let address = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            self.init(
                unchecked: withUnsafeBytes(of: address.sin_addr) { Array($0) }, UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            self.init(
                host: withUnsafeBytes(of: address.sin6_addr) { Array($0) }, port: UInt16(bigEndian: address.sin6_port))
            scope = address.sin6_scope_id
        default:
            return nil
        }
    }
}
