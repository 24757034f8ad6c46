/// The extended messages that Swoop speaks (BEP 10).
public enum ExtensionName: String, Sendable, Hashable, CaseIterable {
    /// BEP 11.
    case peerExchange = "ut_pex"
    /// BEP 9.
    case metadata = "ut_metadata"
    /// BEP 21, as a message while connected.
    case uploadOnly = "upload_only"
    /// BEP 54.
    case dontHave = "lt_donthave"
    /// Our own: whose turn it is to ask for a piece. See ``ExtendedMessage/turn(_:)``.
    case turn = "swoop_turn"
    /// Our own: who of a site fetches a piece. See ``ExtendedMessage/claim(piece:number:)``.
    case claim = "swoop_claim"

    /// The id by which peers send it to us. Constant, so that the decoder needs no table.
    public var ownID: UInt8 {
        switch self {
        case .peerExchange: 1
        case .metadata: 2
        case .uploadOnly: 3
        case .dontHave: 4
        case .turn: 5
        case .claim: 6
        }
    }

    init?(ownID: UInt8) {
        switch ownID {
        case 1: self = .peerExchange
        case 2: self = .metadata
        case 3: self = .uploadOnly
        case 4: self = .dontHave
        case 5: self = .turn
        case 6: self = .claim
        default: return nil
        }
    }
}

/// The `m` dictionary of an extension handshake: for each extension the id its sender wants to receive it by.
public struct ExtensionIDs: Sendable, Hashable {
    // Nil: not named. Zero: turned off.
    private var peerExchange: UInt8?
    private var metadata: UInt8?
    private var uploadOnly: UInt8?
    private var dontHave: UInt8?
    private var turn: UInt8?
    private var claim: UInt8?

    public init() {}

    /// What we offer. A private torrent has no peer exchange (BEP 27).
    public static func own(isPrivate: Bool) -> ExtensionIDs {
        var own = ExtensionIDs()
        for name in ExtensionName.allCases where !(isPrivate && name == .peerExchange) {
            own.name(name, as: name.ownID)
        }
        return own
    }

    /// The id to send this extension by, 1 to 255; nil if the peer does not support it (now).
    public subscript(_ name: ExtensionName) -> UInt8? { stored(name).flatMap { $0 == 0 ? nil : $0 } }

    /// Gives an extension an id, or turns it off with zero (BEP 10).
    public mutating func name(_ name: ExtensionName, as id: UInt8) {
        switch name {
        case .peerExchange: peerExchange = id
        case .metadata: metadata = id
        case .uploadOnly: uploadOnly = id
        case .dontHave: dontHave = id
        case .turn: turn = id
        case .claim: claim = id
        }
    }

    /// What the peer offers after a further handshake, which need only name what changed (BEP 10).
    public mutating func apply(_ change: ExtensionIDs) {
        for (name, id) in change.named { self.name(name, as: id) }
    }

    /// Each extension that was named, with its id or zero.
    var named: [(name: ExtensionName, id: UInt8)] {
        ExtensionName.allCases.compactMap { name in stored(name).map { (name, $0) } }
    }

    private func stored(_ name: ExtensionName) -> UInt8? {
        switch name {
        case .peerExchange: peerExchange
        case .metadata: metadata
        case .uploadOnly: uploadOnly
        case .dontHave: dontHave
        case .turn: turn
        case .claim: claim
        }
    }
}
