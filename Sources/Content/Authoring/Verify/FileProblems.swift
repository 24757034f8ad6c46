import Files
import Glibc
import Synchronization

/// Problems of files while threads read them; keeps the first of each file.
final class FileProblems: Sendable {
    private let problems = Mutex<[Int: FileProblem]>([:])

    func add(_ problem: FileProblem) {
        problems.withLock { if $0[problem.file] == nil { $0[problem.file] = problem } }
    }

    var all: [FileProblem] { problems.withLock { Array($0.values) } }
}

extension SystemError {
    /// Whether the error says that the path does not exist.
    var isAbsence: Bool { number == ENOENT || number == ENOTDIR }
}
