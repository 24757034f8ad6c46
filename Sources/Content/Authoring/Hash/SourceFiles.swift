import Files

/// The open files of one thread. The least recently used one is closed to open another.
///
/// A file that must not change is checked when it is opened and when it is closed, so that a change before, between or
/// after its reads is detected.
struct SourceFiles: ~Copyable {
    private struct Entry {
        let file: Int
        let opened: HeldFile
        let identity: DeviceStamp?
        var lastUse: Int
    }

    private let capacity: Int
    private var entries: [Entry] = []
    private var uses = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    /// Fills `buffer` from `offset` of a file.
    /// - Throws: also when a file that had to make room has changed, with which file it was.
    mutating func read(
        _ file: Int, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, source: (Int) -> HashJob.Source
    ) throws(FileProblem) {
        let opened = try open(file, source: source)
        let count: Int
        do { count = try opened.read(into: buffer, at: offset) } catch {
            throw FileProblem(file: file, problem: .system(operation: "read", error))
        }
        guard count == buffer.count else { throw FileProblem(file: file, problem: .short) }
    }

    /// Whether `length` bytes of a file at `offset` are a hole, which reads as zeros. False if that is unknown.
    mutating func isHole(
        _ file: Int, at offset: Int64, length: Int64, source: (Int) -> HashJob.Source
    ) throws(FileProblem) -> Bool {
        let opened = try open(file, source: source)
        do throws(SystemError) {
            // No data to the end of the file: a hole if the file is long enough.
            if let data = try opened.nextData(from: offset) { return data >= offset + length }
            return try opened.status().size >= offset + length
        } catch {
            return false
        }
    }

    /// Checks all open files once more, and closes them.
    mutating func finish() throws(FileProblem) {
        while let entry = entries.popLast() { try Self.leave(entry) }
    }

    private mutating func open(_ file: Int, source: (Int) -> HashJob.Source) throws(FileProblem) -> HeldFile {
        uses += 1
        if let index = entries.firstIndex(where: { $0.file == file }) {
            entries[index].lastUse = uses
            return entries[index].opened
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
                file: file, opened: try HeldFile(source.path, .followSymlink), identity: source.identity, lastUse: uses)
        } catch {
            throw FileProblem(file: file, problem: .system(operation: "open", error))
        }
        try Self.check(entry)
        entries.append(entry)
        return entry.opened
    }

    private static func leave(_ entry: Entry) throws(FileProblem) {
        if entry.identity != nil { try check(entry) }
    }

    private static func check(_ entry: Entry) throws(FileProblem) {
        let status: FileStatus
        do { status = try entry.opened.status() } catch {
            throw FileProblem(file: entry.file, problem: .system(operation: "look at", error))
        }
        guard status.kind == .file else { throw FileProblem(file: entry.file, problem: .notAFile) }
        if let identity = entry.identity, identity != DeviceStamp(status) {
            throw FileProblem(file: entry.file, problem: .changed)
        }
    }
}

/// A problem with a file.
struct FileProblem: Error, Sendable, Hashable {
    let file: Int
    let problem: ReadProblem
}
