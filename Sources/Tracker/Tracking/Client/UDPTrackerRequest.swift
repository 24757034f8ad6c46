import Address
import Hashing

/// The UDP form of announces and scrapes (BEP 15, with BEP 41's options): datagrams to send.
public enum UDPTrackerRequest {
    /// Sent in a connect request in place of a connection id.
    static let protocolID: UInt64 = 0x417_2710_1980
    /// Maximum number of info hashes in one scrape (BEP 15).
    public static let scrapeLimit = 74
    /// Maximum length of path and query sent with an announce (BEP 41), in bytes; longer ones are cut, because no
    /// tracker uses them.
    static let urlDataLimit = 1_020

    enum Action: UInt32 {
        case connect = 0
        case announce = 1
        case scrape = 2
        case error = 3
    }

    /// Requests a connection id: 16 bytes.
    public static func connect(transaction: UInt32) -> [UInt8] {
        var packet = Packet(transaction: transaction, action: .connect, connection: protocolID)
        packet.reserve(16)
        return packet.bytes
    }

    /// An announce: 98 bytes and, if the URL has a path or query, BEP 41's URLData options.
    ///
    /// `urlData` is path and query of the tracker's URL. Values that the fixed fields cannot express (`unreachable`, an
    /// advertised IPv6 address) are appended to that query, for trackers that read it.
    public static func announce(
        _ request: AnnounceRequest, connection: UInt64, transaction: UInt32, urlData: String
    ) -> [UInt8] {
        var packet = Packet(transaction: transaction, action: .announce, connection: connection)
        packet.reserve(98)
        packet.append(request.infoHash.bytes)
        packet.append(request.peerID)
        packet.append(request.downloaded)
        packet.append(request.left)
        packet.append(request.uploaded)
        // BEP 15 has no number for BEP 21's event.
        packet.append(request.event == .paused ? AnnounceEvent.none.rawValue : request.event.rawValue)
        let advertised = request.advertisedAddress.flatMap { PeerAddress(host: $0, port: 0) }
        packet.append(advertised?.family == .ipv4 ? advertised?.addressBytes ?? [] : [0, 0, 0, 0])
        packet.append(request.key)
        packet.append(request.numWant.map { UInt32(clamping: min(max($0, 0), Int(Int32.max))) } ?? UInt32.max)
        packet.append(request.port)

        var parameters: [String] = []
        if request.isUnreachable { parameters.append("unreachable=1") }
        if let advertised, advertised.family == .ipv6 { parameters.append("ip=\(advertised.host)") }
        packet.appendURLData(with(parameters, urlData))
        return packet.bytes
    }

    /// A scrape of at most `scrapeLimit` info hashes; further ones are left out.
    public static func scrape(_ infoHashes: [SHA1Digest], connection: UInt64, transaction: UInt32) -> [UInt8] {
        var packet = Packet(transaction: transaction, action: .scrape, connection: connection)
        for hash in infoHashes.prefix(scrapeLimit) { packet.append(hash.bytes) }
        return packet.bytes
    }

    private static func with(_ parameters: [String], _ urlData: String) -> String {
        guard !parameters.isEmpty else { return urlData == "/" ? "" : urlData }
        let base = urlData.isEmpty ? "/" : urlData
        return base + (base.utf8.contains(0x3f) ? "&" : "?") + parameters.joined(separator: "&")
    }

    /// Builds a datagram, big-endian.
    private struct Packet {
        private(set) var bytes: [UInt8] = []

        init(transaction: UInt32, action: Action, connection: UInt64) {
            append(connection)
            append(action.rawValue)
            append(transaction)
        }

        mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

        mutating func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
        }

        mutating func append(_ data: [UInt8]) { bytes += data }

        /// BEP 41: option 2 holds up to 255 bytes; several of them are concatenated.
        mutating func appendURLData(_ text: String) {
            var rest = Array(text.utf8.prefix(urlDataLimit))[...]
            while !rest.isEmpty {
                let part = rest.prefix(255)
                bytes.append(2)
                bytes.append(UInt8(truncatingIfNeeded: part.count))
                bytes += part
                rest = rest.dropFirst(part.count)
            }
        }
    }
}
