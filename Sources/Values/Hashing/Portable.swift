#if canImport(Crypto)
    import Crypto
#endif

/// A hash function that runs on any processor and takes its message in parts.
protocol PortableHasher: Sendable {
    associatedtype Digest: Sendable
    init()
    mutating func update(_ bytes: UnsafeRawBufferPointer)
    func finish() -> Digest
}

extension PortableHasher {
    static func digest(_ message: UnsafeRawBufferPointer) -> Digest {
        var hasher = Self()
        hasher.update(message)
        return hasher.finish()
    }
}

#if canImport(Crypto)
    struct PortableSHA1: PortableHasher {
        private var hasher = Insecure.SHA1()

        mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }
        func finish() -> SHA1Digest {
            hasher.finalize().withUnsafeBytes { SHA1Digest(bytes: $0) } ?? .zero
        }
    }

    struct PortableSHA256: PortableHasher {
        private var hasher = Crypto.SHA256()

        mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }
        func finish() -> SHA256Digest {
            hasher.finalize().withUnsafeBytes { SHA256Digest(bytes: $0) } ?? .zero
        }
    }
#else
    /// Placeholder for builds of the pure modules without the package's dependencies, as for fuzzing. Such builds can
    /// hash only with the processor's instructions.
    struct Absent<Digest: Sendable>: PortableHasher {
        init() {
            preconditionFailure("built without swift-crypto: needs a processor with SHA instructions")
        }
        mutating func update(_ bytes: UnsafeRawBufferPointer) {}
        func finish() -> Digest { preconditionFailure("built without swift-crypto") }
    }
    typealias PortableSHA1 = Absent<SHA1Digest>
    typealias PortableSHA256 = Absent<SHA256Digest>
#endif
