import CSHA

/// For each lane, a pointer to its state words.
typealias LaneStates = UnsafePointer<UnsafeMutablePointer<UInt32>?>
/// For each lane, a pointer to its next bytes.
typealias LaneData = UnsafePointer<UnsafeRawPointer?>

/// One of the two hash functions, as the code shared by both sees it: state words that advance by blocks of 64 bytes.
protocol BlockFunction {
    associatedtype Digest: Sendable
    /// Number of 32-bit words in a state.
    static var stateWords: Int { get }
    static var initialState: [UInt32] { get }
    static func digest(state: UnsafePointer<UInt32>) -> Digest
    /// Advances `lanes` states (1 to `Lanes.most`) by `blocks` blocks each, using the processor's instructions.
    /// - Precondition: `implementation` is available and is not the portable one.
    static func advance(by implementation: Implementation, lanes: Int, states: LaneStates, data: LaneData, blocks: Int)
    /// The implementation by swift-crypto, used where the processor has no instructions for this hash.
    associatedtype Portable: PortableHasher where Portable.Digest == Digest
}

enum Lanes {
    /// Maximum number of messages that one thread hashes at the same time.
    static let most = 4
    /// Bytes in a block of either hash function.
    static let blockSize = 64
}

/// How a digest is computed. Tests run every available implementation; other code uses `.best`.
package enum Implementation: Int32, CaseIterable {
    /// swift-crypto, one message after the other.
    case portable = 0
    /// The processor's SHA instructions, up to `Lanes.most` messages at the same time, with AVX2 or AVX-512 beside
    /// them.
    case avx2 = 1
    case avx512 = 2

    private static let level = csha_level()

    /// The fastest implementation of this processor, looked up once.
    package static let best = Implementation(rawValue: level) ?? .portable
    package static var available: [Implementation] { allCases.filter { $0.rawValue <= level } }
}

enum SHA1Blocks: BlockFunction {
    static let stateWords = 5
    static let initialState: [UInt32] = [
        0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0,
    ]

    static func digest(state: UnsafePointer<UInt32>) -> SHA1Digest { SHA1Digest(state: state) }

    static func advance(by implementation: Implementation, lanes: Int, states: LaneStates, data: LaneData, blocks: Int)
    {
        csha_sha1(implementation.rawValue, Int32(truncatingIfNeeded: lanes), states, data, blocks)
    }

    typealias Portable = PortableSHA1
}

enum SHA256Blocks: BlockFunction {
    static let stateWords = 8
    static let initialState: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
        0x5be0_cd19,
    ]

    static func digest(state: UnsafePointer<UInt32>) -> SHA256Digest { SHA256Digest(state: state) }

    static func advance(by implementation: Implementation, lanes: Int, states: LaneStates, data: LaneData, blocks: Int)
    {
        csha_sha256(implementation.rawValue, Int32(truncatingIfNeeded: lanes), states, data, blocks)
    }

    typealias Portable = PortableSHA256
}
