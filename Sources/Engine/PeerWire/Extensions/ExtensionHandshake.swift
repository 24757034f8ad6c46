import Bencode

/// What a peer says of itself in an extension handshake (BEP 10). It may say it again later; nil is "not said".
///
/// Decoding takes each value only if it has the right type and makes sense, and leaves out the others: a handshake is
/// a list of hints. Only bencoding that is broken, or is not a dictionary, is a violation.
public struct ExtensionHandshake: Sendable, Hashable {
    /// `m`.
    public var ids = ExtensionIDs()
    /// `v`: client and version. Decoded: at most 64 characters, control and other invisible ones replaced by `?`.
    public var client: String?
    /// `p`: the port the peer listens on, not 0.
    public var port: UInt16?
    /// `reqq`: outstanding requests the peer holds without dropping any. Decoded: clamped to
    /// `WireLimits.requestDepth`, so that 0 and -1 are the least, and 2^31 the most, that we work with.
    public var requestDepth: Int?
    /// `metadata_size` in bytes. Decoded: 1 to `WireLimits.largestMetadata`, anything else is left out (a peer without
    /// metadata may send 0; one that claims more than that has nothing we could use).
    public var metadataSize: Int?
    /// `yourip`: the receiver's address as the sender sees it, 4 or 16 bytes. A hint, not to be trusted.
    public var observedAddress: [UInt8]?
    /// `ipv4`: another address of the sender, 4 bytes.
    public var ipv4: [UInt8]?
    /// `ipv6`: another address of the sender, 16 bytes.
    public var ipv6: [UInt8]?
    /// `upload_only` (BEP 21).
    public var isUploadOnly: Bool?
    /// `swoop`: our own. The longest request, in bytes, that the sender answers; between Swoop nodes requests are
    /// longer than the 16 KiB that every client takes. Decoded: a multiple of 16 KiB up to `WireLimits.longestBlock`.
    public var longestRequest: Int?
    /// `swoop_up`: our own. What the sender's line or limit lets it send, in bytes per second, as far as it knows. A
    /// hint for people's figures, nothing is decided by it. Decoded: 1 to 10^12.
    public var uplink: Int?
    /// `swoop_lines`: our own. How to open further connections to the sender that count as this one.
    public var lines: FurtherLines?
    /// `swoop_site`: our own. The name of the site where the sender stands, when its user gave one. Decoded: 1 to
    /// `WireLimits.longestSite` bytes of UTF-8.
    public var site: String?

    public init() {}

    /// Requests of this many bytes are answered by every client.
    public static let commonRequest = 16 << 10

    /// - Throws: `ProtocolViolation.malformedExtension`.
    init(wire payload: [UInt8], limits: WireLimits) throws(ProtocolViolation) {
        let value: BencodeValue
        do {
            // The prefix only: some clients pad their handshake.
            value = try Bencode.decodePrefix(payload[...], limits: .message).value
        } catch { throw .malformedExtension(nil) }
        guard let fields = value.dictionaryValue else { throw .malformedExtension(nil) }

        if let named = fields["m"]?.dictionaryValue {
            for name in ExtensionName.allCases {
                guard let id = named[name.rawValue]?.integerValue.flatMap(UInt8.init(exactly:)) else { continue }
                ids.name(name, as: id)
            }
        }
        client = fields["v"]?.stringValue.map(Self.printable)
        port = fields["p"]?.integerValue.flatMap(UInt16.init(exactly:)).flatMap { $0 == 0 ? nil : $0 }
        requestDepth = fields["reqq"]?.integerValue.map { depth in
            min(max(Int(clamping: depth), limits.requestDepth.lowerBound), limits.requestDepth.upperBound)
        }
        metadataSize = fields["metadata_size"]?.integerValue.flatMap { size in
            size > 0 && size <= Int64(limits.largestMetadata) ? Int(size) : nil
        }
        observedAddress = Self.address(fields["yourip"], lengths: [4, 16])
        ipv4 = Self.address(fields["ipv4"], lengths: [4])
        ipv6 = Self.address(fields["ipv6"], lengths: [16])
        isUploadOnly = fields["upload_only"]?.integerValue.map { $0 != 0 }
        longestRequest = fields["swoop"]?.integerValue.flatMap { length in
            let usable = min(Int(clamping: length), limits.longestBlock)
            return usable < Self.commonRequest ? nil : usable - usable % Self.commonRequest
        }
        uplink = fields["swoop_up"]?.integerValue.flatMap { (1...1_000_000_000_000).contains($0) ? Int($0) : nil }
        site = fields["swoop_site"]?.stringValue.flatMap { (1...limits.longestSite).contains($0.utf8.count) ? $0 : nil }
        lines = fields["swoop_lines"]?.dictionaryValue.flatMap { FurtherLines($0, limits: limits) }
    }

    /// The bencoded dictionary, without message header.
    func encoded() -> [UInt8] {
        var named = BencodeDictionary()
        for (name, id) in ids.named { named[name.rawValue] = .integer(Int64(id)) }
        var fields = BencodeDictionary()
        fields["m"] = .dictionary(named)
        fields["v"] = client.map(BencodeValue.string)
        fields["p"] = port.map { .integer(Int64($0)) }
        fields["reqq"] = requestDepth.map { .integer(Int64($0)) }
        fields["metadata_size"] = metadataSize.map { .integer(Int64($0)) }
        fields["yourip"] = observedAddress.map { .data($0) }
        fields["ipv4"] = ipv4.map { .data($0) }
        fields["ipv6"] = ipv6.map { .data($0) }
        fields["upload_only"] = isUploadOnly.map { .integer($0 ? 1 : 0) }
        fields["swoop"] = longestRequest.map { .integer(Int64($0)) }
        fields["swoop_up"] = uplink.map { .integer(Int64($0)) }
        fields["swoop_lines"] = lines.map { .dictionary($0.fields) }
        fields["swoop_site"] = site.map(BencodeValue.string)
        return Bencode.encode(.dictionary(fields))
    }

    private static func address(_ value: BencodeValue?, lengths: [Int]) -> [UInt8]? {
        guard let bytes = value?.bytesValue, lengths.contains(bytes.count) else { return nil }
        return Array(bytes)
    }

    /// A peer chooses this text and a person reads it: nothing in it may move a cursor or turn the line around.
    private static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(64) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                result.append("?")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}

/// What is known of a peer after all its extension handshakes so far.
public struct PeerCapabilities: Sendable, Hashable {
    /// The ids to send extended messages by.
    public private(set) var ids = ExtensionIDs()
    public private(set) var client: String?
    public private(set) var port: UInt16?
    /// Requests that may be outstanding with this peer; always in `WireLimits.requestDepth`.
    public private(set) var requestDepth: Int
    public private(set) var metadataSize: Int?
    public private(set) var isUploadOnly = false
    /// The longest request it answers, in bytes: 16 KiB unless it is Swoop and says otherwise.
    public private(set) var longestRequest = ExtensionHandshake.commonRequest
    /// The first word counts: what opens its lines does not change while it is connected.
    public private(set) var lines: FurtherLines?
    /// As it says; the first word counts.
    public private(set) var site: String?

    public init(limits: WireLimits = .default) { requestDepth = limits.defaultRequestDepth }

    /// Takes what a handshake says and keeps the rest.
    public mutating func apply(_ handshake: ExtensionHandshake) {
        ids.apply(handshake.ids)
        client = handshake.client ?? client
        port = handshake.port ?? port
        requestDepth = handshake.requestDepth ?? requestDepth
        metadataSize = handshake.metadataSize ?? metadataSize
        isUploadOnly = handshake.isUploadOnly ?? isUploadOnly
        longestRequest = handshake.longestRequest ?? longestRequest
        lines = lines ?? handshake.lines
        site = site ?? handshake.site
    }

    /// Takes an `upload_only` message.
    public mutating func apply(uploadOnly: Bool) { isUploadOnly = uploadOnly }
}
