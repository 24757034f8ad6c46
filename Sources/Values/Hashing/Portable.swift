#if canImport(Crypto) && !WITHOUT_CRYPTO
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

#if canImport(Crypto) && !WITHOUT_CRYPTO
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
/// For builds without the package, as for sanitizers and fuzzing: plain Swift, and several times slower.
struct PlainHasher<Function: PlainBlocks>: PortableHasher {
    private var state = Function.initialState
    /// The bytes since the last whole block.
    private var rest: [UInt8] = []
    private var byteCount = 0

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount += bytes.count
        var left = bytes[...]
        if !rest.isEmpty {
            let more = left.prefix(Lanes.blockSize - rest.count)
            rest += more
            left = left.dropFirst(more.count)
            guard rest.count == Lanes.blockSize else { return }
            let block = rest
            rest = []
            block.withUnsafeBytes { advance($0) }
        }
        let whole = left.prefix(left.count - left.count % Lanes.blockSize)
        advance(UnsafeRawBufferPointer(rebasing: whole))
        rest += left.dropFirst(whole.count)
    }

    func finish() -> Function.Digest {
        var padded = self
        var end = [UInt8](repeating: 0, count: Padding.mostBytes)
        let blocks = end.withUnsafeMutableBufferPointer { end in
            rest.withUnsafeBytes { rest in
                end.baseAddress.map { Padding.write(rest: rest, byteCount: byteCount, to: $0) } ?? 0
            }
        }
        end.withUnsafeBytes { padded.advance(UnsafeRawBufferPointer(rebasing: $0[..<(blocks * Lanes.blockSize)])) }
        return padded.state.withUnsafeBufferPointer { Function.digest(state: $0) }
    }

    private mutating func advance(_ blocks: UnsafeRawBufferPointer) {
        guard let start = blocks.baseAddress else { return }
        state.withUnsafeMutableBufferPointer { state in
            guard let words = state.baseAddress else { return }
            Function.advancePlainly(words, start, blocks: blocks.count / Lanes.blockSize)
        }
    }
}

protocol PlainBlocks: BlockFunction {
    static func advancePlainly(_ state: UnsafeMutablePointer<UInt32>, _ data: UnsafeRawPointer, blocks: Int)
    static func digest(state: UnsafeBufferPointer<UInt32>) -> Digest
}

extension SHA1Blocks: PlainBlocks {
    static func advancePlainly(_ state: UnsafeMutablePointer<UInt32>, _ data: UnsafeRawPointer, blocks: Int) {
        PortableBlocks.advanceSHA1(state, data, blocks: blocks)
    }
    static func digest(state: UnsafeBufferPointer<UInt32>) -> SHA1Digest {
        state.baseAddress.map { SHA1Digest(state: $0) } ?? .zero
    }
}

extension SHA256Blocks: PlainBlocks {
    static func advancePlainly(_ state: UnsafeMutablePointer<UInt32>, _ data: UnsafeRawPointer, blocks: Int) {
        PortableBlocks.advance(state, data, blocks: blocks)
    }
    static func digest(state: UnsafeBufferPointer<UInt32>) -> SHA256Digest {
        state.baseAddress.map { SHA256Digest(state: $0) } ?? .zero
    }
}

typealias PortableSHA1 = PlainHasher<SHA1Blocks>
typealias PortableSHA256 = PlainHasher<SHA256Blocks>
#endif
