/// Why a URL is not used as a tracker or as a web seed. The texts name no part of the URL but its scheme.
public enum AddressProblem: Error, Sendable, Hashable {
    case empty
    /// In bytes, encoded.
    case tooLong(limit: Int)
    case controlCharacter
    /// There is no `SCHEME://` at its start.
    case noScheme(expected: String)
    case unknownScheme(String, expected: String)
    /// A user name or a password before the host.
    case userName
    case noHost
    case badHost
    case badPort
    /// A scheme without a port of its own (`udp`).
    case noPort
}

extension AddressProblem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty: "it is empty"
        case .tooLong(let limit): "it is longer than \(limit) bytes"
        case .controlCharacter: "it has a line break or another control character in it"
        case .noScheme(let expected): "it is no URL: \(expected) is expected"
        case .unknownScheme(let scheme, let expected):
            "the scheme '\(scheme)' is not supported: \(expected) is expected"
        case .userName: "it has a user name or a password in it, which are not supported"
        case .noHost: "it names no host"
        case .badHost: "its host is neither an address nor a name of letters, digits, '.', '-' and '_'"
        case .badPort: "its port is not a number from 1 to 65535"
        case .noPort: "it needs a port, as in udp://host:6969"
        }
    }
}
