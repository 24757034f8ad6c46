import Reactor
import Storage
import SwarmCore

/// The rate limits that hold for a torrent: its own and the process's, each way. Lives on the loop.
final class TransferLimits {
    private var down: TokenBucket
    private var up: TokenBucket
    private let parent: TransferLimits?

    /// - Parameters: bytes per second; nil for none.
    init(down: Int?, up: Int?, parent: TransferLimits?, now: Double) {
        self.down = TokenBucket(rate: down, now: now)
        self.up = TokenBucket(rate: up, now: now)
        self.parent = parent
    }

    func set(down: Int?, up: Int?, now: Double) {
        self.down.setRate(down, now: now)
        self.up.setRate(up, now: now)
    }

    /// Bytes per second in force; nil for none.
    var downRate: Int? { Self.least(down.rate, parent?.downRate) }
    var upRate: Int? { Self.least(up.rate, parent?.upRate) }

    private static func least(_ one: Int?, _ other: Int?) -> Int? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }

    /// Bytes that may be read now.
    func mayReceive(_ now: Double) -> Int { min(down.available(now), parent?.mayReceive(now) ?? .max) }

    func received(_ bytes: Int) {
        down.spend(bytes)
        parent?.received(bytes)
    }

    /// Seconds until reading is worth while again.
    func receiveDelay(_ now: Double) -> Double {
        max(down.delay(for: blockLength, now: now), parent?.receiveDelay(now) ?? 0)
    }

    /// Seconds until `bytes` may be sent; 0 when they may now.
    func sendDelay(_ bytes: Int, _ now: Double) -> Double {
        max(up.delay(for: bytes, now: now), parent?.sendDelay(bytes, now) ?? 0)
    }

    func sent(_ bytes: Int) {
        up.spend(bytes)
        parent?.sent(bytes)
    }
}

/// A stretch of a block that is being uploaded.
enum UploadRegion {
    case file(OpenFile, offset: Int64, length: Int)
    case memory([UInt8])

    var length: Int {
        switch self {
        case .file(_, _, let length): length
        case .memory(let bytes): bytes.count
        }
    }
}
