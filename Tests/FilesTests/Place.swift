import Files
import Glibc
import TestSupport
import Testing

/// A directory of the real file system, held open, with what tests ask of it.
struct Place {
    let files: TemporaryDirectory
    let directory: HeldDirectory

    init() throws {
        files = try TemporaryDirectory(inMemory: true)
        directory = try HeldDirectory.open(SystemPath(files.path))
    }

    /// What is in it, sorted.
    var names: [String] { files.names("") }

    func path(_ name: String) -> SystemPath { SystemPath(files.path(name)) }

    func makeFIFO(_ name: String) throws {
        guard mkfifo(files.path(name), 0o600) == 0 else { throw SystemError(errno) }
    }
}

func name(_ text: String) throws -> FileName { try #require(FileName(text)) }

/// The number of the system's error that `body` throws; 0 when it throws none.
func errorNumber(_ body: () throws(SystemError) -> Void) -> Int32 {
    do throws(SystemError) {
        try body()
        return 0
    } catch {
        return error.number
    }
}
