/// Why a tracker URL or web seed URL is refused. The texts never contain a part of the URL except its scheme.
public enum AddressProblem: Error, Sendable, Hashable {
    case empty
    /// Limit in bytes of the encoded URL.
    case tooLong(limit: Int)
    case controlCharacter
    /// The URL does not start with `SCHEME://`.
    case noScheme(expected: String)
    case unknownScheme(String, expected: String)
    /// The URL has a user name or a password before the host.
    case userName
    case noHost
    case badHost
    case badPort
    /// The URL has no port, and its scheme (`udp`) has no default port.
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
