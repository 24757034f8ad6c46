import Glibc

/// The record on disk of what was checked of a job's content, so that a restart need not hash it again: each file that was
/// found right, with its metadata at that time, and at the end the content as a whole. What is recorded was made durable
/// before.
package struct CheckRecord: Sendable {
    private let path: String
    private var notes: CheckNotes
    /// Whether there is a list on disk to append to.
    private var isBegun: Bool

    /// Reads what is there.
    package init(path: String) {
        self.path = path
        let found = Self.read(path)
        notes = found?.notes ?? CheckNotes()
        isBegun = found != nil
        if let found, !found.isTidy { rewrite() }
    }

    private static func read(_ path: String) -> (notes: CheckNotes, isTidy: Bool)? {
        (try? PathFiles.read(path, limit: 16 << 20)).flatMap { CheckNotes.parse(String(decoding: $0, as: UTF8.self)) }
    }

    // MARK: Files

    /// The files of a job that are still as they were when they were found right.
    package func stillRight(_ job: Job) -> Set<Int> {
        Set(
            notes.files.compactMap { index, noted in
                guard job.files.indices.contains(index),
                    let now = PathFiles.status(job.path(of: index, in: job.places.incoming)), now.kind == .file,
                    now.size == noted.size, now.size == job.files[index].size,
                    now.device == noted.device, now.inode == noted.inode, now.modified == noted.modified
                else { return nil }
                return index
            })
    }

    package mutating func note(_ index: Int, at place: String) {
        guard let status = PathFiles.status(place) else { return }
        append(notes.note(index, status))
    }

    package mutating func forget(_ index: Int) {
        if let line = notes.forget(index) { append(line) }
    }

    /// Losing a line only costs a reading, so writes are not synced.
    private mutating func append(_ line: String) {
        guard isBegun else { return rewrite() }
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return rewrite() }
        defer { close(descriptor) }
        let bytes = Array(line.utf8)
        // A partly written line is detected when the list is read.
        if write(descriptor, bytes, bytes.count) != bytes.count { isBegun = false }
    }

    private mutating func rewrite() {
        do throws(FileFailure) {
            try Self.replace(path, by: notes)
            isBegun = true
        } catch { isBegun = false }
    }

    private static func replace(_ path: String, by notes: CheckNotes) throws(FileFailure) {
        try PathFiles.write(Array(notes.text.utf8), to: path)
    }

    // MARK: All of it

    /// Earlier versions kept the note of the whole in a file of this name beside the list.
    private static let earlierName = "checked"

    private static func earlier(beside path: String) -> String {
        String(path[..<(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)]) + earlierName
    }

    /// The note of the whole in the record at a path; nil when there is none.
    static func whole(at path: String) -> CheckNotes.Whole? {
        if let whole = read(path)?.notes.whole { return whole }
        let bytes = try? PathFiles.read(earlier(beside: path), limit: 4096)
        return bytes.flatMap { CheckNotes.Whole(text: String(decoding: $0, as: UTF8.self)) }
    }

    /// Notes the whole, or takes the note back. Durable when this returns.
    static func setWhole(_ whole: CheckNotes.Whole?, at path: String) throws(FileFailure) {
        var notes = read(path)?.notes ?? CheckNotes()
        if notes.whole != whole {
            notes.note(whole)
            try replace(path, by: notes)
        }
        PathFiles.removeFile(earlier(beside: path))
    }
}
