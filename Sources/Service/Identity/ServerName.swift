import Glibc

/// The name of this machine.
package enum HostName {
    /// As the kernel has it; empty if it has none. Blocks for no time.
    package static var own: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// The host names and addresses under which a server is reached.
package enum ServerName {
    /// The 4 or 16 bytes of an IP address; nil for a host name.
    package static func addressBytes(_ name: String) -> [UInt8]? {
        var (four, sixteen) = (in_addr(), in6_addr())
        if inet_pton(AF_INET, name, &four) == 1 { return withUnsafeBytes(of: &four) { Array($0) } }
        if inet_pton(AF_INET6, name, &sixteen) == 1 { return withUnsafeBytes(of: &sixteen) { Array($0) } }
        return nil
    }

    /// This machine's host name, its loopback addresses, and the addresses of its interfaces except link-local IPv6.
    /// Blocks.
    package static func ofThisHost() -> [String] {
        var names = ["localhost", "127.0.0.1", "::1"]
        let name = HostName.own
        if isHostName(name) { names.append(name) }
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return names }
        // getifaddrs allocates the list. It is freed here.
        defer { freeifaddrs(list) }
        var entry = list
        while let info = entry?.pointee {
            if let address = info.ifa_addr, let text = text(address), !names.contains(text) { names.append(text) }
            entry = info.ifa_next
        }
        return names
    }

    /// Whether a text may be a host name in a certificate: 1 to 253 letters, digits, dots and hyphens.
    package static func isHostName(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == 0x2d || byte == 0x2e
            }
    }

    private static func text(_ address: UnsafeMutablePointer<sockaddr>) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            // The system filled in the address, so its size is that of its family.
            var bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr }
            guard inet_ntop(AF_INET, &bytes, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        case AF_INET6:
            var bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_addr }
            // A link-local address is not unique beyond its link.
            let isLinkLocal = withUnsafeBytes(of: &bytes) { $0[0] == 0xfe && $0[1] & 0xc0 == 0x80 }
            guard !isLinkLocal, inet_ntop(AF_INET6, &bytes, &buffer, socklen_t(buffer.count)) != nil else { return nil }
        default: return nil
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
