import Address
import Bencode

/// A ut_pex message (BEP 11): peers that the sender connected to or disconnected from since its last message.
public struct PeerExchange: Sendable, Hashable {
    /// Flags that describe a peer.
    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let prefersEncryption = Flags(rawValue: 0x01)
        public static let uploadOnly = Flags(rawValue: 0x02)
        public static let utp = Flags(rawValue: 0x04)
        public static let holepunch = Flags(rawValue: 0x08)
        /// The sender opened the connection, so the peer accepts connections.
        public static let reachable = Flags(rawValue: 0x10)
    }

    public struct Peer: Sendable, Hashable {
        public var endpoint: PeerAddress
        public var flags: Flags

        public init(endpoint: PeerAddress, flags: Flags = []) {
            self.endpoint = endpoint
            self.flags = flags
        }
    }

    /// Decoded: distinct, with ports other than 0, at most `WireLimits.mostExchangedPeers`. Not verified: only
    /// addresses to try.
    public var added: [Peer]
    public var dropped: [PeerAddress]

    public init(added: [Peer] = [], dropped: [PeerAddress] = []) {
        self.added = added
        self.dropped = dropped
    }

    /// - Throws: `ProtocolViolation.malformedExtension` if the payload is not such a dictionary, or a list ends inside
    ///   an address.
    init(wire payload: [UInt8], limits: WireLimits) throws(ProtocolViolation) {
        let value: BencodeValue
        do { value = try Bencode.decodePrefix(payload[...], limits: .message).value } catch {
            throw .malformedExtension(.peerExchange)
        }
        guard let fields = value.dictionaryValue else { throw .malformedExtension(.peerExchange) }

        let added4 = try Self.addresses(fields["added"], length: 6)
        let added6 = try Self.addresses(fields["added6"], length: 18)
        // IPv4 and IPv6 get half of the room each; one family may use what the other leaves free.
        let most4 = max(limits.mostExchangedPeers / 2, limits.mostExchangedPeers - added6.count / 18)
        let first4 = min(added4.count / 6, most4)
        added = Self.peers(added4, fields["added.f"], length: 6, most: first4)
        added += Self.peers(added6, fields["added6.f"], length: 18, most: limits.mostExchangedPeers - first4)
        var seen: Set<PeerAddress> = []
        added.removeAll { !seen.insert($0.endpoint).inserted }

        let dropped4 = try Self.addresses(fields["dropped"], length: 6)
        let dropped6 = try Self.addresses(fields["dropped6"], length: 18)
        dropped = Self.peers(dropped4, nil, length: 6, most: limits.mostExchangedPeers / 2).map(\.endpoint)
        dropped += Self.peers(dropped6, nil, length: 18, most: limits.mostExchangedPeers / 2).map(\.endpoint)
    }

    private static func addresses(_ value: BencodeValue?, length: Int) throws(ProtocolViolation) -> ArraySlice<UInt8> {
        guard let value else { return [] }
        guard let bytes = value.bytesValue, bytes.count % length == 0 else { throw .malformedExtension(.peerExchange) }
        return bytes
    }

    private static func peers(
        _ addresses: ArraySlice<UInt8>, _ flags: BencodeValue?, length: Int, most: Int
    ) -> [Peer] {
        let flags = flags?.bytesValue ?? []
        return (0..<min(addresses.count / length, most)).compactMap { number in
            let start = addresses.startIndex + number * length
            guard
                let endpoint = PeerAddress(
                    compact: addresses[start..<(start + length)], family: length == 6 ? .ipv4 : .ipv6),
                endpoint.port != 0
            else {
                return nil
            }
            let flag = number < flags.count ? flags[flags.startIndex + number] : 0
            return Peer(endpoint: endpoint, flags: Flags(rawValue: flag))
        }
    }

    /// The bencoded dictionary, without the message header. The caller obeys BEP 11's limits of 50 peers and one
    /// minute.
    func encoded() -> [UInt8] {
        var fields = BencodeDictionary()
        for (family, suffix) in [(PeerAddress.Family.ipv4, ""), (.ipv6, "6")] {
            let added = added.filter { $0.endpoint.family == family }
            let dropped = dropped.filter { $0.family == family }
            if !added.isEmpty {
                fields["added\(suffix)"] = .data(added.flatMap(\.endpoint.compact))
                fields["added\(suffix).f"] = .data(added.map(\.flags.rawValue))
            }
            if !dropped.isEmpty { fields["dropped\(suffix)"] = .data(dropped.flatMap(\.compact)) }
        }
        return Bencode.encode(.dictionary(fields))
    }
}
