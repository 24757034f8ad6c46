import Files
import Glibc
import Synchronization

/// What went wrong with files while threads read them; the first problem of each.
final class FileProblems: Sendable {
    private let problems = Mutex<[Int: FileProblem]>([:])

    func add(_ problem: FileProblem) {
        problems.withLock { if $0[problem.file] == nil { $0[problem.file] = problem } }
    }

    var all: [FileProblem] { problems.withLock { Array($0.values) } }
}

extension SystemError {
    /// Whether it says that there is nothing of that name.
    var isAbsence: Bool { number == ENOENT || number == ENOTDIR }
}
