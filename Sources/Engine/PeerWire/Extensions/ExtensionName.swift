/// The extended messages that Swoop supports (BEP 10).
public enum ExtensionName: String, Sendable, Hashable, CaseIterable {
    /// BEP 11.
    case peerExchange = "ut_pex"
    /// BEP 9.
    case metadata = "ut_metadata"
    /// BEP 21, sent as a message during the connection.
    case uploadOnly = "upload_only"
    /// BEP 54.
    case dontHave = "lt_donthave"
    /// Swoop's own: upload grants. See ``ExtendedMessage/grant(_:)``.
    case grant = "swoop_turn"
    /// Swoop's own: which host of a site downloads a piece. See ``ExtendedMessage/claim(piece:number:)``.
    case claim = "swoop_claim"
    /// Swoop's own: a piece that its holders did not deliver. Offered by a registry's origins alone. See
    /// ``ExtendedMessage/lacks(_:)``.
    case lacks = "swoop_lacks"

    /// The id under which peers send this message to us. Constant, so that the decoder needs no table.
    public var ownID: UInt8 {
        switch self {
        case .peerExchange: 1
        case .metadata: 2
        case .uploadOnly: 3
        case .dontHave: 4
        case .grant: 5
        case .claim: 6
        case .lacks: 7
        }
    }

    init?(ownID: UInt8) {
        switch ownID {
        case 1: self = .peerExchange
        case 2: self = .metadata
        case 3: self = .uploadOnly
        case 4: self = .dontHave
        case 5: self = .grant
        case 6: self = .claim
        case 7: self = .lacks
        default: return nil
        }
    }
}

/// The `m` dictionary of an extension handshake: the id under which its sender receives each extension.
public struct ExtensionIDs: Sendable, Hashable {
    // Nil: not in the dictionary. Zero: disabled by the peer.
    private var peerExchange: UInt8?
    private var metadata: UInt8?
    private var uploadOnly: UInt8?
    private var dontHave: UInt8?
    private var grant: UInt8?
    private var claim: UInt8?
    private var lacks: UInt8?

    public init() {}

    /// The extensions that we advertise. A private torrent has no peer exchange (BEP 27).
    /// - Parameter isOrigin: whether this host is a registry's origin, which agents tell what they lack.
    public static func own(isPrivate: Bool, isOrigin: Bool = false) -> ExtensionIDs {
        var own = ExtensionIDs()
        for name in ExtensionName.allCases where !(isPrivate && name == .peerExchange) {
            if name == .lacks, !isOrigin { continue }
            own.name(name, as: name.ownID)
        }
        return own
    }

    /// The id under which to send this extension, 1 to 255; nil if the peer does not support it, or has disabled it.
    public subscript(_ name: ExtensionName) -> UInt8? { stored(name).flatMap { $0 == 0 ? nil : $0 } }

    /// Sets the id of an extension; zero disables it (BEP 10).
    public mutating func name(_ name: ExtensionName, as id: UInt8) {
        switch name {
        case .peerExchange: peerExchange = id
        case .metadata: metadata = id
        case .uploadOnly: uploadOnly = id
        case .dontHave: dontHave = id
        case .grant: grant = id
        case .claim: claim = id
        case .lacks: lacks = id
        }
    }

    /// Applies a later handshake, which needs to contain only what changed (BEP 10).
    public mutating func apply(_ change: ExtensionIDs) {
        for (name, id) in change.named { self.name(name, as: id) }
    }

    /// Each extension in the dictionary, with its id or zero.
    var named: [(name: ExtensionName, id: UInt8)] {
        ExtensionName.allCases.compactMap { name in stored(name).map { (name, $0) } }
    }

    private func stored(_ name: ExtensionName) -> UInt8? {
        switch name {
        case .peerExchange: peerExchange
        case .metadata: metadata
        case .uploadOnly: uploadOnly
        case .dontHave: dontHave
        case .grant: grant
        case .claim: claim
        case .lacks: lacks
        }
    }
}
