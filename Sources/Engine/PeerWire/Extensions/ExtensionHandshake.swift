import Bencode

/// An extension handshake (BEP 10). A peer may send more than one; nil means that the field is absent.
///
/// A field with a value of the wrong type or out of range is ignored, because a handshake is a list of hints. Only
/// broken bencoding, or a value that is not a dictionary, is a violation.
public struct ExtensionHandshake: Sendable, Hashable {
    /// `m`.
    public var ids = ExtensionIDs()
    /// `v`: client name and version. Decoded: at most 64 characters; control and invisible characters become `?`.
    public var client: String?
    /// `p`: the port on which the peer listens; not 0.
    public var port: UInt16?
    /// `reqq`: number of outstanding requests that the peer keeps without dropping any. Decoded: clamped to
    /// `WireLimits.requestDepth`, because peers have sent values such as 0, -1 and 2^31.
    public var requestDepth: Int?
    /// `metadata_size`, in bytes. Decoded: 1 to `WireLimits.largestMetadata`; other values are ignored. A peer without
    /// metadata may send 0, and metadata over the limit cannot be used.
    public var metadataSize: Int?
    /// `yourip`: the receiver's address as the sender sees it, 4 or 16 bytes. A hint that must not be trusted.
    public var observedAddress: [UInt8]?
    /// `ipv4`: another address of the sender, 4 bytes.
    public var ipv4: [UInt8]?
    /// `ipv6`: another address of the sender, 16 bytes.
    public var ipv6: [UInt8]?
    /// `upload_only` (BEP 21).
    public var isUploadOnly: Bool?
    /// `swoop` (Swoop's own): the longest request, in bytes, that the sender answers. Swoop nodes exchange longer
    /// requests than the 16 KiB that every client accepts. Decoded: a multiple of 16 KiB up to
    /// `WireLimits.longestBlock`.
    public var longestRequest: Int?
    /// `swoop_up` (Swoop's own): the sender's uplink, or its upload limit, in bytes per second, if known. Receivers
    /// cannot verify it. They show it to people, and the choker uses the median of all peers. Decoded: 1 to 10^12.
    public var uplink: Int?
    /// `swoop_lines` (Swoop's own): how to open further connections that count as part of this one.
    public var furtherConnections: FurtherConnectionOffer?
    /// `swoop_site` (Swoop's own): the name of the sender's site, if its user gave one. Decoded: 1 to
    /// `WireLimits.longestSite` bytes of UTF-8.
    public var site: String?

    public init() {}

    /// Request length, in bytes, that every client answers.
    public static let commonRequest = 16 << 10

    /// - Throws: `ProtocolViolation.malformedExtension`.
    init(wire payload: [UInt8], limits: WireLimits) throws(ProtocolViolation) {
        let value: BencodeValue
        do {
            // Prefix only: some clients pad their handshake.
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
        furtherConnections = fields["swoop_lines"]?.dictionaryValue.flatMap {
            FurtherConnectionOffer($0, limits: limits)
        }
    }

    /// The bencoded dictionary, without the message header.
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
        fields["swoop_lines"] = furtherConnections.map { .dictionary($0.fields) }
        fields["swoop_site"] = site.map(BencodeValue.string)
        return Bencode.encode(.dictionary(fields))
    }

    private static func address(_ value: BencodeValue?, lengths: [Int]) -> [UInt8]? {
        guard let bytes = value?.bytesValue, lengths.contains(bytes.count) else { return nil }
        return Array(bytes)
    }

    /// A peer chooses this text and it is shown to a person. It must not move the cursor or change the text direction.
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

/// The state of a peer's extensions after all its extension handshakes so far.
public struct PeerCapabilities: Sendable, Hashable {
    /// The ids under which to send extended messages to the peer.
    public private(set) var ids = ExtensionIDs()
    public private(set) var client: String?
    public private(set) var port: UInt16?
    /// Maximum number of outstanding requests to this peer; always in `WireLimits.requestDepth`.
    public private(set) var requestDepth: Int
    public private(set) var metadataSize: Int?
    public private(set) var isUploadOnly = false
    /// The longest request that the peer answers, in bytes: 16 KiB unless a Swoop peer advertises more.
    public private(set) var longestRequest = ExtensionHandshake.commonRequest
    /// The first value counts: the id for further connections does not change while the peer is connected.
    public private(set) var furtherConnections: FurtherConnectionOffer?
    /// As advertised by the peer; the first value counts.
    public private(set) var site: String?

    public init(limits: WireLimits = .default) { requestDepth = limits.defaultRequestDepth }

    /// Updates the fields that the handshake contains and keeps the others.
    public mutating func apply(_ handshake: ExtensionHandshake) {
        ids.apply(handshake.ids)
        client = handshake.client ?? client
        port = handshake.port ?? port
        requestDepth = handshake.requestDepth ?? requestDepth
        metadataSize = handshake.metadataSize ?? metadataSize
        isUploadOnly = handshake.isUploadOnly ?? isUploadOnly
        longestRequest = handshake.longestRequest ?? longestRequest
        furtherConnections = furtherConnections ?? handshake.furtherConnections
        site = site ?? handshake.site
    }

    /// Applies an `upload_only` message.
    public mutating func apply(uploadOnly: Bool) { isUploadOnly = uploadOnly }
}
