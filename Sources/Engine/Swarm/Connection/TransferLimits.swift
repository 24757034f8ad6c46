import Files
import Reactor
import Storage
import SwarmCore

/// The rate limits that hold for a torrent: its own and the process's, each way. Lives on the loop, and so does the parent,
/// which stands for the process there: of several loops it draws from what they share.
final class TransferLimits {
    private var down: RateBucket
    private var up: RateBucket
    /// What of the upload limit answers about metadata and hashes may take while blocks are sent.
    private var answers: RateBucket
    private var blockSentAt = -Double.infinity
    private var toldSentAt = -Double.infinity
    private let parent: TransferLimits?
    private let shared: SharedLimits?

    /// While blocks are being sent, one part in this many of the upload limit is for responses, so that repeated
    /// metadata requests cannot hold up downloads of blocks.
    private static let answersShare = 8
    /// Seconds after a block during which blocks count as being sent.
    private static let blocksGoOn = 1.0

    /// Seconds after which other loops are told again that blocks are sent.
    private static let telling = 0.1

    static func answers(of up: Int?) -> Int? { up.map { $0 / answersShare } }

    /// - Parameters:
    ///   - down: bytes per second; nil for none. So is `up`.
    ///   - shared: from which the bytes come, where there are several loops.
    init(down: Int?, up: Int?, parent: TransferLimits?, shared: SharedLimits? = nil, now: Double) {
        self.down = RateBucket(rate: down, now: now, shared: shared?.down)
        self.up = RateBucket(rate: up, now: now, shared: shared?.up)
        answers = RateBucket(rate: Self.answers(of: up), now: now, shared: shared?.answers)
        self.parent = parent
        self.shared = shared
    }

    func set(down: Int?, up: Int?, now: Double) {
        self.down.setRate(down, now: now)
        self.up.setRate(up, now: now)
        answers.setRate(Self.answers(of: up), now: now)
    }

    /// The effective limit in bytes per second; nil for none.
    var downRate: Int? { Self.least(down.rate, parent?.downRate) }
    var upRate: Int? { Self.least(up.rate, parent?.upRate) }

    private static func least(_ one: Int?, _ other: Int?) -> Int? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    /// Number of bytes of blocks that may be read now.
    func mayReceive(_ now: Double) -> Int { min(down.available(now), parent?.mayReceive(now) ?? .max) }

    /// Counts received bytes of requested blocks. Nothing else counts, so that peers cannot use up the limit.
    func received(_ bytes: Int) {
        down.spend(bytes)
        parent?.received(bytes)
    }

    /// Seconds until reading makes sense again.
    func receiveDelay(_ now: Double) -> Double {
        max(down.delay(for: blockLength, now: now), parent?.receiveDelay(now) ?? 0)
    }

    /// Seconds until `bytes` may be sent; 0 if they may be sent now.
    func sendDelay(_ bytes: Int, _ now: Double) -> Double {
        max(up.delay(for: bytes, now: now), parent?.sendDelay(bytes, now) ?? 0)
    }

    /// Counts a block that is being sent.
    func sent(_ bytes: Int, now: Double) {
        up.spend(bytes)
        blockSentAt = now
        if let shared, now - toldSentAt >= Self.telling {
            toldSentAt = now
            shared.blockSentAt = now
        }
        parent?.sent(bytes, now: now)
    }

    /// Counts sent bytes of messages.
    func sentMessages(_ bytes: Int) {
        up.charge(bytes)
        parent?.sentMessages(bytes)
    }

    /// Seconds until a response of `bytes` may be built; 0 if it may be built now.
    func answerDelay(_ bytes: Int, _ now: Double) -> Double {
        let sentAt = max(blockSentAt, shared?.blockSentAt ?? blockSentAt)
        let share = now - sentAt < Self.blocksGoOn ? answers.delay(for: bytes, now: now) : 0
        return max(share, up.delay(for: bytes, now: now), parent?.answerDelay(bytes, now) ?? 0)
    }

    /// Counts a response. Its bytes also count in ``sentMessages(_:)`` when they are sent.
    func answered(_ bytes: Int) {
        answers.spend(bytes)
        parent?.answered(bytes)
    }
}

/// A part of a block that is being uploaded.
enum UploadRegion {
    case file(HeldFile, offset: Int64, length: Int)
    case memory([UInt8])

    var length: Int {
        switch self {
        case .file(_, _, let length): length
        case .memory(let bytes): bytes.count
        }
    }
}
