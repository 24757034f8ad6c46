import Address

/// A request to a UDP tracker (BEP 15, 41).
public enum UDPRequest {
    case connect(transaction: UInt32)
    /// The URL data of the announce, if any, has been applied.
    case announce(connection: UInt64, transaction: UInt32, PeerAnnounce)
    /// `hashes` is a part of the datagram: at most `maximumScrapeHashes` times 20 bytes.
    case scrape(connection: UInt64, transaction: UInt32, hashes: UnsafeRawBufferPointer)

    /// The number at the start of every connect request.
    public static let protocolID: UInt64 = 0x417_2710_1980
    /// Length of an announce without options, in bytes.
    public static let announceLength = 98

    /// Nil for anything that is not a well-formed request: it gets no response.
    public static func parse(_ datagram: UnsafeRawBufferPointer) -> UDPRequest? {
        guard datagram.count >= 16, let base = datagram.baseAddress else { return nil }
        // Offsets are below the lengths that are checked before each use.
        func word(_ offset: Int) -> UInt32 {
            UInt32(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        func doubleWord(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        let connection = doubleWord(0)
        let transaction = word(12)
        switch word(8) {
        case 0:
            guard connection == protocolID else { return nil }
            return .connect(transaction: transaction)
        case 1:
            guard datagram.count >= announceLength else { return nil }
            let port = UInt16(bigEndian: base.loadUnaligned(fromByteOffset: 96, as: UInt16.self))
            var announce = PeerAnnounce(
                swarm: SwarmKey(loading: base + 16), peer: PeerName(loading: base + 36), port: port)
            announce.left = doubleWord(64)
            announce.event = AnnounceEvent(rawValue: word(80)) ?? .none
            let claimed = word(84)
            if claimed != 0 { announce.claimedAddress = PeerAddress(ipv4: claimed, port: port) }
            announce.key = word(88)
            let wanted = Int32(bitPattern: word(92))
            announce.numWant = wanted < 0 ? nil : Int(wanted)
            if datagram.count > announceLength {
                let options = UnsafeRawBufferPointer(rebasing: datagram[announceLength...])
                guard applyOptions(options, to: &announce) else { return nil }
            }
            return .announce(connection: connection, transaction: transaction, announce)
        case 2:
            let bytes = datagram.count - 16
            guard bytes > 0, bytes % SwarmKey.byteCount == 0 else { return nil }
            let taken = min(bytes, maximumScrapeHashes * SwarmKey.byteCount)
            return .scrape(
                connection: connection, transaction: transaction,
                hashes: UnsafeRawBufferPointer(rebasing: datagram[16..<16 + taken]))
        default: return nil
        }
    }

    /// Applies the options after an announce (BEP 41): 0 ends them, 1 is padding, every other has a length byte. URL
    /// data (2) may be split into several options. False if an option is cut off or the URL is over 1 KiB.
    private static func applyOptions(_ options: UnsafeRawBufferPointer, to announce: inout PeerAnnounce) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { url in
            var length = 0
            var position = 0
            while position < options.count {
                let kind = options[position]
                position += 1
                if kind == 0 { break }
                if kind == 1 { continue }
                guard position < options.count else { return false }
                let size = Int(options[position])
                position += 1
                guard size <= options.count - position else { return false }
                if kind == 2 {
                    guard size <= url.count - length else { return false }
                    for index in 0..<size { url[length + index] = options[position + index] }
                    length += size
                }
                position += size
            }
            AnnounceQuery.apply(urlData: UnsafeRawBufferPointer(rebasing: url[..<length]), to: &announce)
            return true
        }
    }
}
