import Files
import Glibc
import Threads

/// The table and its file of stamps on disk: reading, detecting changes by others, and atomic replacement of each.
/// Several processes may maintain the same table: a lock orders their writes, and each process reads the others'
/// changes before it writes.
package struct TableStore {
    package enum State: Equatable {
        /// Unchanged since we last read or wrote it.
        case same
        case changed
        /// Changed just now: the other process may still be writing.
        case unsettled
    }

    package let path: AbsolutePath
    private let layer: any FileLayer
    private let table: FileName
    private let stamps: FileName
    private let tableTemporary: FileName
    private let stampsTemporary: FileName
    private let lockName: FileName
    /// The table as we last saw it: nil before we looked, `.some(nil)` when there was none.
    private var sight: FileStamp??
    /// A table of ten million files is not more than this; anything larger is not a table.
    private static let mostBytes = 4 << 30
    /// Nanoseconds that a changed table must stay unchanged before it is read.
    package static let settling: Int64 = 250_000_000
    private static let lockPatience: Int64 = 10_000_000_000

    package init(path: AbsolutePath, layer: any FileLayer) throws(LibraryError) {
        let name = Array(path.name)
        let names = [[], Array(".stamps".utf8), Array(".new".utf8), Array(".stamps.new".utf8), Array(".lock".utf8)]
            .compactMap { FileName(name + $0) }
        guard names.count == 5 else { throw LibraryError(.badPath, path.description) }
        self.path = path
        self.layer = layer
        (table, stamps, tableTemporary, stampsTemporary, lockName) = (names[0], names[1], names[2], names[3], names[4])
    }

    /// The paths of all files that this type creates.
    package var ownPaths: [AbsolutePath] {
        [table, stamps, tableTemporary, stampsTemporary, lockName].compactMap { path.parent.appending($0.bytes) }
    }

    private func failure(_ error: SystemError) -> LibraryError { LibraryError(.table(error), path.description) }

    /// Whether others changed the table. If it cannot be examined it counts as unchanged; writing will report the
    /// error.
    package func state() -> State {
        guard let directory = try? HeldDirectory.open(path.parent.system, layer: layer) else { return .same }
        let current: FileStamp?
        do { current = try look(directory) } catch { return .same }
        guard sight != .some(current) else { return .same }
        guard let current else { return .changed }
        let age = Clocks.wall &- current.modified
        return (0..<Self.settling).contains(age) ? .unsettled : .changed
    }

    private func look(_ directory: HeldDirectory) throws(SystemError) -> FileStamp? {
        guard let status = try directory.status(table, followSymlink: true) else { return nil }
        return FileStamp(status)
    }

    package struct Outcome: Equatable {
        /// Number of lines that others removed, and of lines that they added or changed.
        package var removed = 0
        package var claimed = 0
        /// Numbers of the lines that could not be parsed.
        package var unreadable: [Int] = []
        /// There was no table at all at the first look.
        package var isNew = false
        package var identity: String?
        package var didRead = false
    }

    /// Reads the changes of others, then writes the catalogue if the files differ from it.
    package mutating func synchronize(_ catalogue: inout Catalogue) throws(LibraryError) -> Outcome {
        do {
            let directory = try HeldDirectory.open(path.parent.system, creating: true, layer: layer)
            guard let lock = try lock(directory) else { throw LibraryError(.tableLocked, path.description) }
            defer { withExtendedLifetime(lock) {} }
            let outcome = try takeIn(directory, &catalogue)
            if catalogue.isDirty { try write(directory, &catalogue) }
            return outcome
        } catch let error as LibraryError {
            throw error
        } catch {
            throw failure((error as? SystemError) ?? SystemError(EIO))
        }
    }

    private mutating func takeIn(
        _ directory: HeldDirectory, _ catalogue: inout Catalogue
    ) throws(SystemError) -> Outcome {
        var outcome = Outcome()
        let current = try look(directory)
        guard sight == nil || sight != .some(current) else { return outcome }
        let bytes = try read(table, in: directory)
        var text = TableText(bytes ?? [])
        let kept = try read(stamps, in: directory).flatMap { StampText($0) }
        var beside = kept ?? StampText()
        outcome.identity = beside.identity
        if sight == nil, bytes == nil {
            // The table was deleted while we were not running: begin anew.
            outcome.isNew = true
            beside.rows = [:]
            text = TableText()
        }
        outcome.didRead = true
        outcome.unreadable = text.unreadable
        (outcome.removed, outcome.claimed) = catalogue.adopt(text, beside)
        if bytes == nil { catalogue.markDirty() }
        sight = .some(current)
        return outcome
    }

    private mutating func write(_ directory: HeldDirectory, _ catalogue: inout Catalogue) throws(SystemError) {
        let texts = catalogue.texts
        // The table first: a line without a stamp is checked again, but a stamp without a line is a line removed.
        try directory.replace(table, with: texts.table, temporary: .fixed(tableTemporary))
        sight = .some(try look(directory))
        try directory.replace(stamps, with: texts.stamps, temporary: .fixed(stampsTemporary))
        catalogue.written()
    }

    /// Nil when there is none. A link of that name is the administrator's own.
    private func read(_ name: FileName, in directory: HeldDirectory) throws(SystemError) -> [UInt8]? {
        do throws(SystemError) {
            return try directory.read(name, limit: Self.mostBytes, followSymlink: true).bytes
        } catch {
            if error.number == ENOENT { return nil }
            throw error
        }
    }

    /// The lock is held as long as its file; nil when another process keeps it.
    private func lock(_ directory: HeldDirectory) throws(SystemError) -> HeldFile? {
        let file = try directory.open(lockName, [.write, .create])
        let begin = Clocks.steady
        while try !layer.lock(file.descriptor) {
            guard Clocks.steady &- begin < Self.lockPatience else { return nil }
            usleep(10_000)
        }
        return file
    }
}
