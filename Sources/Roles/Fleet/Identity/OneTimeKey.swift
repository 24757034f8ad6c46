import Hashing
import Text

/// What a one-time key permits: to start one job, with this content, from this sender, with this version of a class, to
/// these targets.
package struct KeyBinding: Sendable, Hashable {
    package let job: String
    package let sender: NodeID
    package let className: String
    package let classVersion: Int
    package let content: JobContent
    package let targets: [NodeID]

    package init(
        job: String, sender: NodeID, className: String, classVersion: Int, content: JobContent, targets: [NodeID]
    ) {
        self.job = job
        self.sender = sender
        self.className = className
        self.classVersion = classVersion
        self.content = content
        self.targets = targets.sorted()
    }
}

/// The content of a job: its torrent and its size.
package struct JobContent: Sendable, Hashable {
    /// The info hash in hexadecimal digits; both hashes of a hybrid torrent (BEP 52).
    package let infoHashes: [String]
    package let files: Int
    package let bytes: Int64

    package init(infoHashes: [String], files: Int, bytes: Int64) {
        self.infoHashes = infoHashes
        self.files = files
        self.bytes = bytes
    }
}

/// A one-time key in control's database: the hash of its 256 bits, its binding, and when it was used.
package struct OneTimeKey: Sendable, Hashable {
    package let digest: SHA256Digest
    package let binding: KeyBinding
    /// Seconds since 1970.
    package let issued: Double
    /// Seconds after `issued` for which the key is valid.
    package let lifetime: Double
    package private(set) var used: Double?
    /// The id of the request that used it, where the sender gave one.
    package private(set) var request: String?

    package init(
        digest: SHA256Digest, binding: KeyBinding, issued: Double, lifetime: Double, used: Double? = nil,
        request: String? = nil
    ) {
        self.request = request
        self.digest = digest
        self.binding = binding
        self.issued = issued
        self.lifetime = lifetime
        self.used = used
    }

    package static func digest(of key: [UInt8]) -> SHA256Digest { SHA256.digest(key) }

    /// A sender starts a job with it. Whatever differs refuses it, and does not use it up.
    /// - Parameter request: an id by which the sender names this request when it sends it once more, as after a lost reply.
    /// - Throws: the first thing that differs. A second use is told as such, whoever tries.
    /// - Returns: false for the request that has used it already, once more.
    @discardableResult
    package mutating func start(
        _ wanted: KeyBinding, with key: [UInt8], request: String? = nil, at now: Double
    ) throws(KeyRefusal) -> Bool {
        guard Self.digest(of: key) == digest else { throw .unknown }
        if used != nil {
            guard let request, request == self.request, wanted == binding else { throw .used }
            return false
        }
        guard now < issued + lifetime else { throw .expired }
        guard wanted.sender == binding.sender, wanted.job == binding.job else { throw .sender }
        guard wanted.className == binding.className, wanted.classVersion == binding.classVersion else { throw .class }
        guard wanted.content == binding.content else { throw .content }
        guard wanted.targets == binding.targets else { throw .targets }
        used = now
        self.request = request
        return true
    }
}

/// Why a job does not start with a key.
package enum KeyRefusal: String, Error, Sendable, Hashable, CaseIterable {
    case unknown = "key_unknown"
    case used = "key_used"
    case expired = "key_expired"
    case sender = "key_sender"
    case `class` = "key_class"
    case content = "key_content"
    case targets = "key_targets"

    package var code: String { rawValue }

    package var text: String {
        switch self {
        case .unknown: "there is no such key"
        case .used: "the key was used already: each starts one job"
        case .expired: "the key has run out: send again"
        case .sender: "the key was given to another sender"
        case .class: "the key is for another class, or for another version of it: send again"
        case .content: "the key is for other content: what was hashed has changed; send again"
        case .targets: "the key is for other targets: send again"
        }
    }
}
