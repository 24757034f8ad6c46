import Address
import Testing

@Suite struct PeerAddressTests {
    @Test(arguments: [
        ([UInt8]([1, 2, 3, 4]), "1.2.3.4:80"),
        ([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "[2001:db8::1]:80"),
        ([UInt8](repeating: 0, count: 16), "[::]:80"),
        ([UInt8](repeating: 0, count: 15) + [1], "[::1]:80"),
        ([0xfe, 0x80] + [UInt8](repeating: 0, count: 14), "[fe80::]:80"),
        ([0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], "[1:0:0:1::1]:80"),
        ([0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1], "[1:0:1:1:1:1:1:1]:80"),
        ([UInt8](repeating: 0, count: 10) + [0xff, 0xff, 1, 2, 3, 4], "1.2.3.4:80"),
    ])
    func `Addresses are shown as RFC 5952 says`(bytes: [UInt8], text: String) {
        #expect(PeerAddress(addressBytes: bytes, port: 80)?.description == text)
    }

    @Test func `An IPv4 address is one endpoint, however the socket wrote it`() {
        let mapped = [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 1, 2, 3, 4]
        #expect(PeerAddress(addressBytes: mapped, port: 80) == PeerAddress(addressBytes: [1, 2, 3, 4], port: 80))
    }

    @Test func `Other lengths are no addresses`() {
        for count in [0, 3, 5, 15, 17] {
            #expect(PeerAddress(addressBytes: [UInt8](repeating: 1, count: count), port: 80) == nil)
            #expect(PeerAddress(compact: [UInt8](repeating: 1, count: count), family: .ipv4) == nil)
        }
    }

    @Test func `The compact form is address and port`() throws {
        let compact: [UInt8] = [1, 2, 3, 4, 0x1a, 0xe1]
        let endpoint = try #require(PeerAddress(compact: compact, family: .ipv4))
        #expect(endpoint.port == 6881)
        #expect(endpoint.compact == compact)
        let six = Array(1...18).map { UInt8($0) }
        #expect(PeerAddress(compact: six, family: .ipv6)?.compact == six)
    }

    @Test func `What a listen address and a host name say of loopback is the same`() {
        for (host, isLoopback) in [
            ("127.0.0.1", true), ("127.9.8.7", true), ("localhost", true), ("::1", true), ("0.0.0.0", false),
            ("128.0.0.1", false), ("127.0.0.256", false), ("127.evil", false), ("::2", false),
        ] {
            #expect(HostName.isLoopback(host) == isLoopback)
            #expect(ListenAddress(host: host, port: 1).isLoopback == isLoopback)
            if let address = PeerAddress(host: host, port: 1) { #expect(address.isLoopback == isLoopback) }
        }
    }
}
