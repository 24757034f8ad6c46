import CSHA

/// For each lane, where its words of state are.
typealias LaneStates = UnsafePointer<UnsafeMutablePointer<UInt32>?>
/// For each lane, where its next bytes are.
typealias LaneData = UnsafePointer<UnsafeRawPointer?>

/// One of the two hash functions as the code shared by both sees it: words of state, advanced by blocks of 64 bytes.
protocol BlockFunction {
    associatedtype Digest: Sendable
    /// Words of 32 bits in a state.
    static var stateWords: Int { get }
    static var initialState: [UInt32] { get }
    static func digest(state: UnsafePointer<UInt32>) -> Digest
    /// Advances `lanes` states (1 to `Lanes.most`) by `blocks` blocks each, with the processor's instructions:
    /// `implementation` is available and not the portable one.
    static func advance(by implementation: Implementation, lanes: Int, states: LaneStates, data: LaneData, blocks: Int)
    /// swift-crypto's function: what is used where the processor has no instructions for it.
    associatedtype Portable: PortableHasher where Portable.Digest == Digest
}

enum Lanes {
    /// The most messages hashed at a time by one thread.
    static let most = 4
    /// Bytes in a block of either hash function.
    static let blockSize = 64
}

/// Who computes a digest. Tests run all that there are; everything else takes `.best`.
enum Implementation: Int32, CaseIterable {
    /// swift-crypto, one message after the other.
    case portable = 0
    /// The processor's SHA instructions, up to `Lanes.most` messages at a time, with AVX2 or AVX-512 beside them.
    case avx2 = 1
    case avx512 = 2

    private static let level = csha_level()

    /// The fastest that this processor has; looked up once.
    static let best = Implementation(rawValue: level) ?? .portable
    static var available: [Implementation] { allCases.filter { $0.rawValue <= level } }
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
