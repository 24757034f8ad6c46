import Synchronization

/// The progress of a push. Numbers are bytes, except for counts of files.
package struct PushFigures: Sendable, Equatable {
    package var total: Int64 = 0
    /// Bytes that were sent, or that the registry has. For a file that is being hashed first, the bytes that were hashed.
    package var done: Int64 = 0
    /// Bytes sent over the network, including those that were sent in vain.
    package var sent: Int64 = 0
    /// Bytes that the registry had already.
    package var cached: Int64 = 0
    package var files = 0
    package var filesDone = 0
    /// Why a request is being repeated; nil while none is.
    package var trouble: String?
}

/// Collects the progress of a push from its parts.
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

    /// Sets how many bytes of a file have been hashed or sent.
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
