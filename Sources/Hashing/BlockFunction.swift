#if canImport(CSHA)
    import CSHA
#endif

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
    /// Advances `lanes` states (1 to `Lanes.most`) by `blocks` blocks each, with the processor's instructions.
    /// Must not be called unless `Lanes.areAvailable`.
    static func advance(lanes: Int, states: LaneStates, data: LaneData, blocks: Int)
    /// swift-crypto's function: what is used where the processor has no instructions for it.
    associatedtype Portable: PortableHasher where Portable.Digest == Digest
}

/// What this processor can do, looked up once.
enum Lanes {
    /// The most messages hashed at a time by one thread.
    static let most = 4
    /// Bytes in a block of either hash function.
    static let blockSize = 64

    #if canImport(CSHA)
        static let areAvailable = csha_available() != 0
    #else
        static let areAvailable = false
    #endif
}

/// Who computes a digest. Tests run both; everything else takes `.best`.
enum Implementation: CaseIterable {
    /// The processor's instructions, up to `Lanes.most` messages at a time.
    case lanes
    /// swift-crypto, one message after the other.
    case portable

    static let best: Implementation = Lanes.areAvailable ? .lanes : .portable
}

enum SHA1Blocks: BlockFunction {
    static let stateWords = 5
    static let initialState: [UInt32] = [
        0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0,
    ]

    static func digest(state: UnsafePointer<UInt32>) -> SHA1Digest { SHA1Digest(state: state) }

    static func advance(lanes: Int, states: LaneStates, data: LaneData, blocks: Int) {
        #if canImport(CSHA)
            csha_sha1(Int32(truncatingIfNeeded: lanes), states, data, blocks)
        #endif
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

    static func advance(lanes: Int, states: LaneStates, data: LaneData, blocks: Int) {
        #if canImport(CSHA)
            csha_sha256(Int32(truncatingIfNeeded: lanes), states, data, blocks)
        #endif
    }

    typealias Portable = PortableSHA256
}
