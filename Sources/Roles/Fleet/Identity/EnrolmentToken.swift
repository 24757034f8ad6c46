import Hashing
import Text

/// A token with which a new node joins the fleet: `swt1.ID.SECRET.PIN`.
///
/// ID: 16 hexadecimal digits, under which control finds the token. SECRET: 256 bits, of which control stores only a
/// hash. PIN: SHA-256 of the public key of control's certificate authority, so that the node can authenticate control
/// before it sends SECRET. SECRET and PIN are in hexadecimal digits.
package struct EnrolmentToken: Sendable, Hashable {
    package static let prefix = "swt1"

    package let id: String
    package let secret: Secret
    package let pin: SHA256Digest

    /// - Parameter random: 40 random bytes. The first 8 become the ID, the others the secret.
    package init?(random: [UInt8], pin: SHA256Digest) {
        guard random.count == 40 else { return nil }
        id = Hexadecimal.encode(random.prefix(8))
        secret = Secret(Hexadecimal.encode(random.dropFirst(8)))
        self.pin = pin
    }

    /// Nil for any other text.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, parts[0] == Self.prefix, Hexadecimal.decode(parts[1], byteCount: 8) != nil,
            Hexadecimal.decode(parts[2], byteCount: 32) != nil, let pin = SHA256Digest(hex: parts[3])
        else { return nil }
        id = parts[1].lowercased()
        secret = Secret(parts[2].lowercased())
        self.pin = pin
    }

    /// The whole token. It must not be stored or logged: only the host that joins with it may have it.
    package var text: Secret { Secret("\(Self.prefix).\(id).\(secret.value).\(pin.hex)") }

    /// The hash of the secret, which control stores.
    package var secretDigest: SHA256Digest { Self.digest(of: secret) }
    package static func digest(of secret: Secret) -> SHA256Digest { SHA256.digest(Array(secret.value.utf8)) }
}

/// A join token in control's database: its limits, and how often it was used.
package struct EnrolmentGrant: Sendable, Hashable {
    /// Maximum lifetime of a token: 30 days, in seconds.
    package static let longestLife = 30 * 86_400.0

    package let id: String
    package let secretDigest: SHA256Digest
    /// Seconds since 1970, by control's clock.
    package let expires: Double
    package let uses: Int
    /// How often a node has joined with it.
    package private(set) var used: Int
    /// The only name that a node may join with; nil for any.
    package let name: String?
    package let labels: Labels
    /// Nodes that join with it are `pending` until an admin approves them.
    package let needsApproval: Bool
    /// Nodes that join with it are removed from control's records when they leave.
    package let isEphemeral: Bool
    package var isRevoked: Bool

    package init(
        id: String, secretDigest: SHA256Digest, expires: Double, uses: Int = 1, used: Int = 0,
        name: String? = nil, labels: Labels = Labels(), needsApproval: Bool = false, isEphemeral: Bool = false,
        isRevoked: Bool = false
    ) {
        self.id = id
        self.secretDigest = secretDigest
        self.expires = expires
        self.uses = uses
        self.used = used
        self.name = name
        self.labels = labels
        self.needsApproval = needsApproval
        self.isEphemeral = isEphemeral
        self.isRevoked = isRevoked
    }

    package enum Outcome: Sendable, Hashable {
        /// The node joins.
        case joins
        /// The same node has joined with this token before, and may have lost the reply. It gets a certificate again,
        /// and this does not count as another use.
        case again
    }

    /// Call when a node presents the token.
    /// - Parameters:
    ///   - isAgain: control has a node with this key, which has joined with this token. A node that was removed since needs a
    ///     use of its own: removal gives no token back.
    ///   - now: seconds since 1970, by control's clock.
    /// - Throws: why the node may not join. A wrong secret gives the same error as an unknown token; only the time to
    ///   answer differs.
    package mutating func use(
        secret: Secret, isAgain: Bool, named name: String, at now: Double
    ) throws(EnrolmentRefusal) -> Outcome {
        guard EnrolmentToken.digest(of: secret) == secretDigest else { throw .unknown }
        if isAgain { return .again }
        guard !isRevoked else { throw .revoked }
        guard now < expires else { throw .expired }
        guard used < uses else { throw .used }
        if let bound = self.name, bound != name { throw .name(bound) }
        used += 1
        return .joins
    }
}

/// Why a token does not let a node join.
package enum EnrolmentRefusal: Error, Sendable, Hashable {
    case unknown
    case revoked
    case expired
    case used
    /// The token is for a node with this other name.
    case name(String)

    /// The code in the API's error document.
    package var code: String {
        switch self {
        case .unknown: "token_unknown"
        case .revoked: "token_revoked"
        case .expired: "token_expired"
        case .used: "token_used"
        case .name: "token_name"
        }
    }

    package var text: String {
        switch self {
        case .unknown: "no such token: ask for a new one with 'swoop fleet token'"
        case .revoked: "the token was revoked: ask for a new one with 'swoop fleet token'"
        case .expired: "the token has run out: ask for a new one with 'swoop fleet token'"
        case .used: "the token was used by another host; if that was not you, look at 'swoop fleet audit'"
        case .name(let name): "the token is for a node called '\(name)': join with --name \(name)"
        }
    }
}
