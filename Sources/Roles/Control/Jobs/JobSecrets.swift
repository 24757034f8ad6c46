import Crypto
import Text

/// What is derived from a job's one-time key, and stored with the job in sealed form: the swarm's secret and the key of
/// tickets, 32 bytes each. Pure.
struct JobSecrets: Sendable {
    private static let length = 32

    let bytes: [UInt8]

    /// - Parameter key: the job's one-time key.
    init(key: [UInt8]) { bytes = Self.derived(from: key, "swarm secret") + Self.derived(from: key, "ticket key") }

    /// - Parameter opened: the bytes that were sealed.
    init(opened: [UInt8]) { bytes = opened }

    /// With it the job's peers authenticate each other.
    var swarm: Secret { Secret(Hexadecimal.encode(bytes.prefix(Self.length))) }
    /// From it the nodes' tickets are derived.
    var ticketKey: [UInt8] { Array(bytes.dropFirst(Self.length)) }

    /// HMAC-SHA256.
    private static func derived(from key: [UInt8], _ purpose: String) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: SymmetricKey(data: key)))
    }
}
