import Glibc
import Storage

/// The open files of one thread. The least recently used one is closed to open another.
///
/// A file that must not change is checked when it is opened and when it is closed, so that a change before, between or
/// after its reads is detected.
struct SourceFiles: ~Copyable {
    private struct Entry {
        let file: Int
        let descriptor: Int32
        let identity: FileIdentity?
        var lastUse: Int
    }

    private let capacity: Int
    private var entries: [Entry] = []
    private var uses = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    deinit { for entry in entries { close(entry.descriptor) } }

    /// Fills `buffer` with the bytes of a file at `offset`.
    /// - Throws: also if another file had to be closed and had changed; the error names the file.
    mutating func read(
        _ file: Int, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, source: (Int) -> HashJob.Source
    ) throws(FileProblem) {
        let descriptor = try open(file, source: source)
        let count: Int
        do { count = try SystemCalls.read(descriptor, into: buffer, at: offset) } catch {
            throw FileProblem(file: file, problem: .system(operation: "read", error))
        }
        guard count == buffer.count else { throw FileProblem(file: file, problem: .short) }
    }

    /// Whether `length` bytes of a file at `offset` are a hole, which reads as zeros. False if that is unknown.
    mutating func isHole(
        _ file: Int, at offset: Int64, length: Int64, source: (Int) -> HashJob.Source
    ) throws(FileProblem) -> Bool {
        let descriptor = try open(file, source: source)
        let data = lseek(descriptor, off_t(offset), SystemCalls.seekData)
        if data < 0 {
            // No data up to the end of the file: a hole if the file is long enough.
            guard errno == ENXIO, let status = try? SystemCalls.status(descriptor) else { return false }
            return Int64(status.st_size) >= offset + length
        }
        return Int64(data) >= offset + length
    }

    /// Checks all open files once more, and closes them.
    mutating func finish() throws(FileProblem) {
        while let entry = entries.popLast() { try Self.leave(entry) }
    }

    private mutating func open(_ file: Int, source: (Int) -> HashJob.Source) throws(FileProblem) -> Int32 {
        uses += 1
        if let index = entries.firstIndex(where: { $0.file == file }) {
            entries[index].lastUse = uses
            return entries[index].descriptor
        }
        if entries.count >= capacity,
            let oldest = entries.indices.min(by: { entries[$0].lastUse < entries[$1].lastUse })
        {
            try Self.leave(entries.remove(at: oldest))
        }
        let source = source(file)
        let entry: Entry
        do {
            entry = Entry(
                file: file, descriptor: try SystemCalls.open(source.path), identity: source.identity, lastUse: uses)
        } catch {
            throw FileProblem(file: file, problem: .system(operation: "open", error))
        }
        do {
            try Self.check(entry)
        } catch {
            close(entry.descriptor)
            throw error
        }
        entries.append(entry)
        return entry.descriptor
    }

    private static func leave(_ entry: Entry) throws(FileProblem) {
        defer { close(entry.descriptor) }
        if entry.identity != nil { try check(entry) }
    }

    private static func check(_ entry: Entry) throws(FileProblem) {
        let status: stat
        do { status = try SystemCalls.status(entry.descriptor) } catch {
            throw FileProblem(file: entry.file, problem: .system(operation: "look at", error))
        }
        guard FileKind(status) == .file else { throw FileProblem(file: entry.file, problem: .notAFile) }
        if let identity = entry.identity, identity != FileIdentity(status) {
            throw FileProblem(file: entry.file, problem: .changed)
        }
    }
}

/// A problem with a file.
struct FileProblem: Error, Sendable, Hashable {
    let file: Int
    let problem: ReadProblem
}
