import Reactor
import Synchronization
import Threads

/// The event loops of a process, the limits that they keep together, and which torrent lives on which of them. The first one
/// listens for all.
final class NodeLoops: Sendable {
    let shares: [LoopShare]
    let places: TorrentPlaces
    /// Torrents of a shelf that are awake.
    let awake = AwakeCount()
    /// Bytes of blocks that peers were sent.
    let sent = SentBytes()
    /// The one that listens.
    let first: LoopShare
    private let rates: Mutex<(down: Int?, up: Int?)>
    /// Where there are several loops.
    private let limits: SharedLimits?

    /// - Parameters:
    ///   - count: loops, one at least.
    ///   - down: bytes per second of the process; nil for no limit. So is `up`.
    init(count: Int, down: Int?, up: Int?) throws(SocketError) {
        let limits = count > 1 ? SharedLimits(down: down, up: up, now: Clocks.steadySeconds) : nil
        first = LoopShare(loop: try EventLoop(name: "swoop-loop"), limits: limits)
        var shares = [first]
        do throws(SocketError) {
            for number in 1..<max(1, count) {
                shares.append(LoopShare(loop: try EventLoop(name: "swoop-loop-\(number)"), limits: limits))
            }
        } catch {
            for share in shares { share.loop.shutdown() }
            throw error
        }
        self.shares = shares
        self.limits = limits
        places = TorrentPlaces(loops: shares.map(\.loop))
        rates = Mutex((down, up))
    }

    func share(on loop: EventLoop) -> LoopShare { shares.first { $0.loop === loop } ?? first }

    // MARK: Limits

    /// Bytes per second of the process.
    var limitsNow: (down: Int?, up: Int?) { rates.withLock { $0 } }

    /// Changes them; each loop is to be told, see ``LoopShare/limitsChanged()``.
    func setLimits(down: Int?, up: Int?) {
        rates.withLock { $0 = (down, up) }
        limits?.set(down: down, up: up, now: Clocks.steadySeconds)
    }
}
