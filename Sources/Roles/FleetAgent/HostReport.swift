import Address
import Fleet
import Glibc
import Text

/// Properties of this host, for control.
package enum HostReport {
    static var name: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "host" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return nodeName(String(decoding: bytes, as: UTF8.self))
    }

    /// The name of a node on this host: at most 63 bytes of the host's own.
    package static func nodeName(_ host: String) -> String {
        let text = String(decoding: host.utf8.prefix { $0 != UInt8(ascii: "/") }.prefix(63), as: UTF8.self)
        return LabelKey.isValid(text) ? text : "host"
    }

    static var system: (os: String, arch: String) {
        var names = utsname()
        guard uname(&names) == 0 else { return ("linux", "") }
        func text<T>(_ tuple: T) -> String {
            withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return (text(names.sysname).lowercased(), text(names.machine))
    }

    /// Seconds that local time is ahead of UTC now.
    static var utcOffset: Int64 {
        var (now, local) = (time(nil), tm())
        localtime_r(&now, &local)
        return Int64(local.tm_gmtoff)
    }

    /// As the time zone database names it; empty where the system does not say.
    static var timeZone: String {
        if let set = getenv("TZ") {
            let text = String(cString: set)
            return String((text.hasPrefix(":") ? String(text.dropFirst()) : text).prefix(64))
        }
        var buffer = [CChar](repeating: 0, count: 512)
        let count = readlink("/etc/localtime", &buffer, buffer.count)
        guard count > 0 else { return "" }
        let path = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let place = path.range(of: "zoneinfo/") else { return "" }
        return String(path[place.upperBound...].prefix(64))
    }

    /// The addresses at which peers can dial this host.
    /// - Parameters:
    ///   - port: the engine's port.
    ///   - loopback: whether to include addresses of the loopback interface.
    static func addresses(port: UInt16, loopback: Bool) -> [PeerAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var addresses: [PeerAddress] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            let flags = Int(entry.pointee.ifa_flags)
            guard let address = entry.pointee.ifa_addr, flags & Int(IFF_UP) != 0 else { continue }
            let isLoopback = flags & Int(IFF_LOOPBACK) != 0
            guard loopback || !isLoopback, let found = self.address(address, port: port) else { continue }
            if !addresses.contains(found) { addresses.append(found) }
            if addresses.count == 32 { break }
        }
        return addresses
    }

    private static func address(_ raw: UnsafeMutablePointer<sockaddr>, port: UInt16) -> PeerAddress? {
        switch Int32(raw.pointee.sa_family) {
        case AF_INET:
            return raw.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                PeerAddress(ipv4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr), port: port)
            }
        case AF_INET6:
            return raw.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer -> PeerAddress? in
                let bytes = withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
                // A link-local address is not usable from other networks.
                guard !(bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80) else { return nil }
                return PeerAddress(addressBytes: bytes, port: port)
            }
        default: return nil
        }
    }
}

extension String {
    fileprivate func range(of other: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(other) { return start..<index(start, offsetBy: other.count) }
            start = index(after: start)
        }
        return nil
    }
}
