/// The one-byte id of a peer message.
public enum MessageKind: UInt8, Sendable, Hashable, CaseIterable {
    // BEP 3
    case choke = 0
    case unchoke = 1
    case interested = 2
    case notInterested = 3
    case have = 4
    case bitfield = 5
    case request = 6
    case piece = 7
    case cancel = 8
    // BEP 5
    case port = 9
    // BEP 6
    case suggest = 13
    case haveAll = 14
    case haveNone = 15
    case reject = 16
    case allowedFast = 17
    // BEP 10
    case extended = 20
    // BEP 52
    case hashRequest = 21
    case hashes = 22
    case hashReject = 23

    /// Whether the message may be sent only if both sides offered the fast extension (BEP 6).
    public var needsFastExtension: Bool {
        switch self {
        case .suggest, .haveAll, .haveNone, .reject, .allowedFast: true
        default: false
        }
    }

    /// The length prefix of a message of fixed size; nil for the others.
    package var exactLength: Int? {
        switch self {
        case .choke, .unchoke, .interested, .notInterested, .haveAll, .haveNone: 1
        case .port: 3
        case .have, .suggest, .allowedFast: 5
        case .request, .cancel, .reject: 13
        case .hashRequest, .hashReject: HashRequest.frameLength
        case .bitfield, .piece, .extended, .hashes: nil
        }
    }
}
