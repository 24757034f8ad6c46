import Address
import Tracking

/// Address and port of one family as stored in a peer table: the compact form of BEP 23 and 7.
protocol Endpoint: Equatable {
    static var size: Int { get }
    static var family: PeerAddress.Family { get }
    init(_ address: PeerAddress)
    /// Reads `size` bytes.
    init(loading bytes: UnsafeRawPointer)
    func store(to target: UnsafeMutableRawPointer)
    func hash(_ sip: SipHash) -> UInt64
    /// The source by which shares are counted: the IPv4 address, or the first 64 bits of the IPv6 address.
    var source: UInt64 { get }
    /// The address as others have it.
    var peer: PeerAddress { get }
    static func copy(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer)
}

struct EndpointIPv4: Endpoint {
    // In wire order, not as numbers.
    let address: UInt32
    let port: UInt16

    static var size: Int { 6 }
    static var family: PeerAddress.Family { .ipv4 }

    init(_ peer: PeerAddress) {
        address = UInt32(truncatingIfNeeded: peer.low).bigEndian
        port = peer.port.bigEndian
    }

    @inline(__always)
    init(loading bytes: UnsafeRawPointer) {
        address = bytes.loadUnaligned(as: UInt32.self)
        port = bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
    }

    @inline(__always)
    func store(to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: address, as: UInt32.self)
        target.storeBytes(of: port, toByteOffset: 4, as: UInt16.self)
    }

    @inline(__always)
    func hash(_ sip: SipHash) -> UInt64 { sip.hash(UInt64(address) << 16 | UInt64(port)) }

    @inline(__always)
    var source: UInt64 { UInt64(address) }

    var peer: PeerAddress { PeerAddress(ipv4: UInt32(bigEndian: address), port: UInt16(bigEndian: port)) }

    @inline(__always)
    static func copy(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: source.loadUnaligned(as: UInt32.self), as: UInt32.self)
        target.storeBytes(
            of: source.loadUnaligned(fromByteOffset: 4, as: UInt16.self), toByteOffset: 4, as: UInt16.self)
    }
}

struct EndpointIPv6: Endpoint {
    let high: UInt64
    let low: UInt64
    let port: UInt16

    static var size: Int { 18 }
    static var family: PeerAddress.Family { .ipv6 }

    init(_ peer: PeerAddress) {
        high = peer.high.bigEndian
        low = peer.low.bigEndian
        port = peer.port.bigEndian
    }

    @inline(__always)
    init(loading bytes: UnsafeRawPointer) {
        high = bytes.loadUnaligned(as: UInt64.self)
        low = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        port = bytes.loadUnaligned(fromByteOffset: 16, as: UInt16.self)
    }

    @inline(__always)
    func store(to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: high, as: UInt64.self)
        target.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
        target.storeBytes(of: port, toByteOffset: 16, as: UInt16.self)
    }

    @inline(__always)
    func hash(_ sip: SipHash) -> UInt64 { sip.hash(high, low, UInt64(port)) }

    @inline(__always)
    var source: UInt64 { high }

    var peer: PeerAddress {
        PeerAddress(ipv6High: UInt64(bigEndian: high), low: UInt64(bigEndian: low), port: UInt16(bigEndian: port))
    }

    @inline(__always)
    static func copy(from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer) {
        target.copyMemory(from: source, byteCount: 18)
    }
}

extension Endpoint {
    /// The hash under which the representative row of a source is indexed.
    @inline(__always)
    func sourceHash(_ sip: SipHash) -> UInt64 { sip.hash(source ^ 0x9e37_79b9_7f4a_7c15) }
}
