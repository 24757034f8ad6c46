import Glibc
import Storage
import Threads

/// The table and its file of stamps on disk: reading, detecting changes by others, and atomic replacement of each.
/// Several processes may maintain the same table: a lock orders their writes, and each process reads the others'
/// changes before it writes.
struct TableStore {
    enum State: Equatable {
        /// Unchanged since we last read or wrote it.
        case same
        case changed
        /// Changed just now: the other process may still be writing.
        case unsettled
    }

    private struct Sight: Equatable {
        let size: Int64
        let modified: Int64
        let inode: UInt64
    }

    let path: AbsolutePath
    private let access: DirectoryAccess
    private let table: FileName
    private let stamps: FileName
    private let tableTemporary: FileName
    private let stampsTemporary: FileName
    private let lockName: FileName
    /// The metadata of the table when last examined: nil before that, `.some(nil)` if there was none.
    private var sight: Sight??
    /// Upper bound for a table of ten million files; anything larger is not a table.
    private static let mostBytes = 4 << 30
    /// Nanoseconds that a changed table must stay unchanged before it is read.
    static let settling: Int64 = 250_000_000
    private static let lockPatience: Int64 = 10_000_000_000

    init(path: AbsolutePath, layer: any FileLayer) throws(LibraryError) {
        let name = Array(path.name)
        let names = [[], Array(".stamps".utf8), Array(".new".utf8), Array(".stamps.new".utf8), Array(".lock".utf8)]
            .compactMap { FileName(name + $0) }
        guard names.count == 5 else { throw LibraryError(.badPath, path.description) }
        self.path = path
        access = DirectoryAccess(layer: layer)
        (table, stamps, tableTemporary, stampsTemporary, lockName) = (names[0], names[1], names[2], names[3], names[4])
    }

    /// The paths of all files that this type creates.
    var ownPaths: [AbsolutePath] {
        [table, stamps, tableTemporary, stampsTemporary, lockName].compactMap { path.parent.appending($0.bytes) }
    }

    private func failure(_ error: SystemError) -> LibraryError { LibraryError(.table(error), path.description) }

    /// Whether others changed the table. If it cannot be examined it counts as unchanged; writing will report the
    /// error.
    func state() -> State {
        guard let directory = try? access.open(path.parent) else { return .same }
        defer { access.layer.close(directory) }
        let current: Sight?
        do { current = try look(directory) } catch { return .same }
        guard sight != .some(current) else { return .same }
        guard let current else { return .changed }
        let age = Clocks.wall &- current.modified
        return (0..<Self.settling).contains(age) ? .unsettled : .changed
    }

    private func look(_ directory: Descriptor) throws(SystemError) -> Sight? {
        guard let status = try access.layer.status(table, in: directory, followSymlink: true) else { return nil }
        return Sight(size: status.size, modified: status.modified, inode: status.inode)
    }

    struct Outcome: Equatable {
        /// Number of lines that others removed, and of lines that they added or changed.
        var removed = 0
        var claimed = 0
        /// Numbers of the lines that could not be parsed.
        var unreadable: [Int] = []
        /// There was no table at all at the first look.
        var isNew = false
        var identity: String?
        var didRead = false
    }

    /// Reads the changes of others, then writes the catalogue if the files differ from it.
    mutating func synchronize(_ catalogue: inout Catalogue) throws(LibraryError) -> Outcome {
        do {
            let directory = try access.open(path.parent, creating: true)
            defer { access.layer.close(directory) }
            guard let lock = try lock(directory) else { throw LibraryError(.tableLocked, path.description) }
            defer { access.layer.close(lock) }
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
        _ directory: Descriptor, _ catalogue: inout Catalogue
    ) throws(SystemError) -> Outcome {
        var outcome = Outcome()
        let current = try look(directory)
        guard sight == nil || sight != .some(current) else { return outcome }
        let bytes = try access.read(table, in: directory, limit: Self.mostBytes)
        var text = TableText(bytes ?? [])
        let kept = try access.read(stamps, in: directory, limit: Self.mostBytes).flatMap { StampText($0) }
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

    private mutating func write(_ directory: Descriptor, _ catalogue: inout Catalogue) throws(SystemError) {
        let texts = catalogue.texts
        // Write the table first: a line without a stamp is checked again, but a stamp without a line means a removed
        // line.
        try access.replace(table, with: texts.table, temporary: tableTemporary, in: directory)
        sight = .some(try look(directory))
        try access.replace(stamps, with: texts.stamps, temporary: stampsTemporary, in: directory)
        catalogue.written()
    }

    private func lock(_ directory: Descriptor) throws(SystemError) -> Descriptor? {
        let descriptor = try access.layer.open(lockName, in: directory, [.write, .create])
        let begin = Clocks.steady
        do throws(SystemError) {
            while try !access.layer.lock(descriptor) {
                guard Clocks.steady &- begin < Self.lockPatience else {
                    access.layer.close(descriptor)
                    return nil
                }
                usleep(10_000)
            }
            return descriptor
        } catch {
            access.layer.close(descriptor)
            throw error
        }
    }
}
