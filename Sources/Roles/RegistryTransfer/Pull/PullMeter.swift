import Registry
import Synchronization

/// The progress of a pull. Numbers are bytes, except for counts of files, peers and origins.
package struct PullFigures: Sendable, Equatable {
    package enum Phase: String, Sendable { case resolving, fetching, receiving, publishing }

    package var phase = Phase.resolving
    package var total: Int64 = 0
    package var done: Int64 = 0
    /// Bytes received over the network, including useless ones.
    package var received: Int64 = 0
    /// Bytes that were on this host already.
    package var reused: Int64 = 0
    package var files = 0
    package var filesDone = 0
    package var peers = 0
    package var origins = 0
    /// Why nothing is being received; nil while something is.
    package var trouble: String?
}

/// Collects the progress of a pull from its parts.
package final class PullMeter: Sendable {
    private struct State {
        var figures = PullFigures()
        var finished: Int64 = 0
        var underWay: [BlobDigest: Int64] = [:]
        var fromCache: Set<BlobDigest> = []
    }

    private let state = Mutex(State())

    package init() {}

    package var figures: PullFigures {
        state.withLock { state in
            var figures = state.figures
            figures.done = state.underWay.values.reduce(state.finished) {
                let (sum, overflow) = $0.addingReportingOverflow($1)
                return overflow ? .max : sum
            }
            return figures
        }
    }

    func begin(total: Int64, files: Int) {
        state.withLock { state in
            state.figures.total = total
            state.figures.files = files
            state.figures.phase = .fetching
        }
    }

    func enter(_ phase: PullFigures.Phase) { state.withLock { $0.figures.phase = phase } }

    func take(_ progress: BlobProgress, of blob: BlobDigest) {
        state.withLock { state in
            switch progress {
            case .here(let bytes): state.underWay[blob] = bytes
            case .received(let bytes):
                state.fromCache.remove(blob)
                state.figures.received += Int64(bytes)
                state.figures.phase = .receiving
                state.figures.trouble = nil
            case .cached: state.fromCache.insert(blob)
            case .sources(let peers, let origins):
                state.figures.peers = peers
                state.figures.origins = origins
            case .waiting(let reason): state.figures.trouble = reason
            }
        }
    }

    /// Records that all files with one digest are in their places.
    /// - Parameter reused: how many of their bytes were on this host already.
    func finish(_ blob: BlobDigest, files: Int, bytes: Int64, reused: Int64) {
        state.withLock { state in
            state.underWay[blob] = nil
            state.finished += bytes
            state.figures.filesDone += files
            state.figures.reused += state.fromCache.remove(blob) == nil ? reused : bytes
        }
    }
}
