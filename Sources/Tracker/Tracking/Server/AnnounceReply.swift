import Address

/// The peers for the response to an announce, in memory that the serving thread reuses for each request.
///
/// Both lists are in compact form (BEP 23 and 7). The peer ids are stored separately in the same order, only if
/// `wantsNames` is set.
public struct PeerSelection {
    /// Maximum number of peers of both families together.
    public static let capacity = 200

    public let ipv4: UnsafeMutableRawPointer
    public let ipv6: UnsafeMutableRawPointer
    public let ipv4Names: UnsafeMutableRawPointer
    public let ipv6Names: UnsafeMutableRawPointer
    public var ipv4Count = 0
    public var ipv6Count = 0
    public var wantsNames = false

    /// Allocates memory for `capacity` peers of each family and as many peer ids. The owner must call `deallocate`.
    public init() {
        ipv4 = .allocate(byteCount: PeerSelection.capacity * 6, alignment: 8)
        ipv6 = .allocate(byteCount: PeerSelection.capacity * 18, alignment: 8)
        ipv4Names = .allocate(byteCount: PeerSelection.capacity * PeerName.byteCount, alignment: 8)
        ipv6Names = .allocate(byteCount: PeerSelection.capacity * PeerName.byteCount, alignment: 8)
    }

    public func deallocate() {
        ipv4.deallocate()
        ipv6.deallocate()
        ipv4Names.deallocate()
        ipv6Names.deallocate()
    }

    /// Removes all peers.
    public mutating func reset(wantsNames: Bool) {
        ipv4Count = 0
        ipv6Count = 0
        self.wantsNames = wantsNames
    }

    public var count: Int { ipv4Count + ipv6Count }

    /// The selected peers as values, for tests and infrequent uses.
    public var addresses: [PeerAddress] {
        (PeerAddress.list(compact: Array(UnsafeRawBufferPointer(start: ipv4, count: ipv4Count * 6)), family: .ipv4)
            ?? [])
            + (PeerAddress.list(
                compact: Array(UnsafeRawBufferPointer(start: ipv6, count: ipv6Count * 18)), family: .ipv6) ?? [])
    }
}

/// Writes bodies of HTTP tracker responses (bencoded; keys in byte order).
public enum AnnounceReply {
    /// The response to an announce. Intervals are in seconds.
    public static func write(
        counts: SwarmCounts, interval: Int, minimumInterval: Int, selection: PeerSelection, listing: PeerListing,
        includesIPv6: Bool, to writer: inout ByteWriter
    ) {
        writer.write("d")
        writer.write(key: "complete", integer: counts.seeds)
        writer.write(key: "downloaded", integer: counts.completions)
        writer.write(key: "incomplete", integer: counts.leechers)
        writer.write(key: "interval", integer: interval)
        writer.write(key: "min interval", integer: minimumInterval)
        writer.write("5:peers")
        switch listing {
        case .compact:
            writer.write(bencoded: UnsafeRawBufferPointer(start: selection.ipv4, count: selection.ipv4Count * 6))
            if includesIPv6 {
                writer.write("6:peers6")
                writer.write(bencoded: UnsafeRawBufferPointer(start: selection.ipv6, count: selection.ipv6Count * 18))
            }
        case .dictionaries, .dictionariesWithoutID:
            writer.write("l")
            let named = listing == .dictionaries && selection.wantsNames
            for index in 0..<selection.ipv4Count {
                let peer = UnsafeRawBufferPointer(start: selection.ipv4 + 6 * index, count: 6)
                let name = named ? selection.ipv4Names + PeerName.byteCount * index : nil
                write(PeerAddress(compact: peer, family: .ipv4), name: name, &writer)
            }
            for index in 0..<selection.ipv6Count {
                let peer = UnsafeRawBufferPointer(start: selection.ipv6 + 18 * index, count: 18)
                let name = named ? selection.ipv6Names + PeerName.byteCount * index : nil
                write(PeerAddress(compact: peer, family: .ipv6), name: name, &writer)
            }
            writer.write("e")
        }
        writer.write("e")
    }

    private static func write(_ peer: PeerAddress?, name: UnsafeMutableRawPointer?, _ writer: inout ByteWriter) {
        guard let peer else { return }
        writer.write("d2:ip")
        var host = peer.host
        host.withUTF8 { writer.write(bencoded: UnsafeRawBufferPointer($0)) }
        if let name {
            writer.write("7:peer id")
            writer.write(bencoded: UnsafeRawBufferPointer(start: name, count: PeerName.byteCount))
        }
        writer.write(key: "port", integer: Int(peer.port))
        writer.write("e")
    }

    /// A failure response (BEP 3's `failure reason`, BEP 31's `retry in`).
    public static func write(_ refusal: TrackerRefusal, to writer: inout ByteWriter) {
        writer.write("d14:failure reason")
        writer.write(bencoded: refusal.reason)
        writer.write("8:retry in")
        if let minutes = refusal.retryMinutes {
            writer.write(byte: 0x69)
            writer.write(decimal: minutes)
            writer.write(byte: 0x65)
        } else {
            writer.write(bencoded: "never")
        }
        writer.write("e")
    }

    /// The response to a scrape (BEP 48, with BEP 21's `downloaders`). Sorts `swarms` and removes duplicates.
    public static func write(
        scrape swarms: [(key: SwarmKey, counts: SwarmCounts)], to writer: inout ByteWriter
    ) {
        writer.write("d5:filesd")
        var last: SwarmKey?
        for (key, counts) in swarms.sorted(by: { $0.key < $1.key }) where key != last {
            last = key
            key.bytes.withUnsafeBytes { writer.write(bencoded: $0) }
            writer.write("d")
            writer.write(key: "complete", integer: counts.seeds)
            writer.write(key: "downloaded", integer: counts.completions)
            writer.write(key: "downloaders", integer: counts.downloaders)
            writer.write(key: "incomplete", integer: counts.leechers)
            writer.write("e")
        }
        writer.write("ee")
    }
}
