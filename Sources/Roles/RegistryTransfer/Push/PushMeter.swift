import Synchronization

/// How far a push is. All numbers are bytes, unless they say otherwise.
package struct PushFigures: Sendable, Equatable {
    package var total: Int64 = 0
    /// Sent, or known to be there; of files that are only being hashed, what is hashed.
    package var done: Int64 = 0
    /// Went over the network, also in vain.
    package var sent: Int64 = 0
    /// The registry had it already.
    package var cached: Int64 = 0
    package var files = 0
    package var filesDone = 0
    /// Why the registry is asked again, while it is.
    package var trouble: String?
}

/// What the parts of a push count together.
package final class PushMeter: Sendable {
    private struct State {
        var figures = PushFigures()
        var finished: Int64 = 0
        var underWay: [Int: Int64] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var figures: PushFigures {
        state.withLock { state in
            var figures = state.figures
            figures.done = state.underWay.values.reduce(state.finished, +)
            return figures
        }
    }

    func begin(total: Int64, files: Int) {
        state.withLock { state in
            state.figures.total = total
            state.figures.files = files
        }
    }

    /// So much of a file is hashed or sent.
    func reach(_ file: Int, _ bytes: Int64) { state.withLock { $0.underWay[file] = bytes } }
    func advance(_ file: Int, by bytes: Int) { state.withLock { $0.underWay[file, default: 0] += Int64(bytes) } }

    func sent(_ bytes: Int) {
        state.withLock { state in
            state.figures.sent += Int64(bytes)
            state.figures.trouble = nil
        }
    }

    func finish(_ file: Int, size: Int64, isCached: Bool) {
        state.withLock { state in
            state.underWay[file] = nil
            state.finished += size
            state.figures.filesDone += 1
            if isCached { state.figures.cached += size }
        }
    }

    func trouble(_ reason: String) { state.withLock { $0.figures.trouble = reason } }
}
