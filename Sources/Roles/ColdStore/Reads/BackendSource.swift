import Backends
import HTTPOrigin
import Registry

/// A blob in a back end, as the engine reads it: range by range, in parallel.
struct BackendSource: RangeSource {
    let backend: Backend
    let digest: BlobDigest
    let size: Int64
    let problem: LastProblem

    var host: String { backend.label }

    nonisolated(nonsending) func fetch(
        _ run: Range<Int64>, sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        let run = run.clamped(to: 0..<size)
        var (next, isStopped) = (run.lowerBound, false)
        do throws(BackendProblem) {
            try await backend.read(digest, size: size, range: run) { bytes, offset async throws(BackendProblem) in
                let end = offset + Int64(bytes.readableBytes)
                guard offset == next, end <= run.upperBound else {
                    throw BackendProblem(.wrong, "\(backend.label) sends other bytes than it was asked for")
                }
                guard end > offset else { return }
                next = end
                guard await sink(WebSeedChunk(offset: offset, buffer: bytes)) else {
                    isStopped = true
                    throw BackendProblem(.cancelled, "stopped")
                }
            }
        } catch {
            if isStopped { return .stopped }
            problem.set(error)
            return .failed(Self.problem(error), next: next)
        }
        guard next == run.upperBound else {
            return .failed(.retry(after: nil, reason: "\(backend.label) sent less than it was asked for"), next: next)
        }
        return .complete
    }

    private static func problem(_ problem: BackendProblem) -> WebSeedProblem {
        switch problem.kind {
        case .cancelled: .cancelled
        case .missing, .unsupported, .refused: .giveUp(file: 0, reason: "\(problem.description)")
        case .wrong: .wrongContent(file: 0, reason: "\(problem.description)")
        case .unavailable, .disk: .retry(after: problem.retryAfter, reason: "\(problem.description)")
        }
    }
}
