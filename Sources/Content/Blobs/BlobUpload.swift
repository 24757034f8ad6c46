import Files
import Hashing
import Metainfo
import Synchronization

/// What has become of the bytes of an upload when it is whole.
package struct FinishedBlob: Sendable {
    package let digest: SHA256Digest
    /// Bytes.
    package let size: Int64
    /// Its torrent; nil for a blob without bytes.
    package let info: BlobInfo?
}

/// Why an upload cannot go on, or not so.
package enum UploadProblem: Error, Sendable, Hashable {
    /// There is no such upload, or it has ended.
    case unknown
    /// Another request is sending to it, or has ended it and waits for its blob.
    case busy
    /// What is sent does not begin where the upload ends.
    case gap(expected: Int64)
    /// It is not what its digest says; it is gone.
    case wrongDigest(found: SHA256Digest)
    /// Its bytes stopped coming. It can be continued.
    case brokenOff
    case disk(SystemError)
}

/// An upload: bytes that arrive in order, are written and hashed as they do, and become a blob at the end.
///
/// Thread-safe, but only one caller at a time may append; a second one is told so.
package final class BlobUpload: Sendable {
    /// After so many bytes what has arrived is made durable. With what is on its way meanwhile, a crash costs less than 64 MiB.
    static let checkpointBytes: Int64 = 48 << 20

    package let id: String
    /// What the upload is for, as the one who began it said; nil where that was not said.
    package let target: String?
    private let name: FileName
    private let home: BlobDirectory
    private let directory: HeldDirectory
    private let file: HeldFile
    private let state: Mutex<State>

    private struct State {
        var length: Int64 = 0
        var durable: Int64 = 0
        var hasher: BlobHasher
        var isBusy = false
        var phase = Phase.open
        var announced: SHA256Digest?
    }

    private enum Phase {
        /// It takes bytes.
        case open
        /// Its bytes are becoming a blob.
        case publishing
        /// Its bytes are a blob.
        case published
        /// It was cancelled, its bytes were others than its digest says, or the disk failed at its end.
        case gone

        /// Why it takes nothing more.
        var problem: UploadProblem { self == .gone ? .unknown : .busy }
    }

    private static let dataName = FileName(own: "data")
    private static let noteName = FileName(own: "note")

    /// Begins an upload.
    /// - Parameters:
    ///   - id: its name, which is checked (see ``isID(_:)``) and new; nil for one of its own.
    ///   - size: the bytes that the sender says it will have: fewer digests are made then. If it has others in the end, it is
    ///     read once more.
    ///   - target: what it is for; a text without blanks and line breaks.
    package convenience init(
        in home: BlobDirectory, id: String? = nil, size: Int64? = nil, for target: String? = nil
    ) throws(SystemError) {
        let size = size.flatMap { $0 > 0 ? $0 : nil }
        let id = id ?? Self.newID()
        let name = FileName(checked: Array(id.utf8)[...])
        guard let directory = try home.uploadDirectory(name, creating: true) else { throw SystemError.missing }
        let file = try directory.open(Self.dataName, [.write, .create, .exclusive])
        try directory.replace(
            Self.noteName, with: UploadNote(length: 0, size: size, target: target, snapshot: nil).bytes,
            temporary: .random(prefix: ".new-"))
        self.init(id: id, for: target, name: name, home: home, directory: directory, file: file)
        if let size { state.withLock { $0.hasher = BlobHasher(lengths: home.pieceLengths, length: size) } }
    }

    private init(
        id: String, for target: String?, name: FileName, home: BlobDirectory, directory: HeldDirectory, file: HeldFile
    ) {
        self.id = id
        self.target = target
        self.name = name
        self.home = home
        self.directory = directory
        self.file = file
        state = Mutex(State(hasher: BlobHasher(lengths: home.pieceLengths)))
    }

    /// Takes an upload up again that an earlier process had: what was durable then is hashed once more.
    /// - Returns: nil when there is no such upload.
    package convenience init?(resuming id: String, in home: BlobDirectory) throws(SystemError) {
        guard Self.isID(id) else { return nil }
        let name = FileName(checked: Array(id.utf8)[...])
        guard let directory = try home.uploadDirectory(name, creating: false) else { return nil }
        guard
            let note = try missingIsNil({ () throws(SystemError) in
                try directory.read(Self.noteName, limit: UploadNote.mostBytes)
            }),
            let file = try missingIsNil({ () throws(SystemError) in try directory.open(Self.dataName, .write) })
        else { return nil }
        guard let note = UploadNote(note.bytes) else { return nil }
        self.init(id: id, for: note.target, name: name, home: home, directory: directory, file: file)
        // The file may be longer: what arrived after that may not be durable, and is sent again. It is cut at the end.
        let length = min(note.length, try file.status().size)
        var hasher = BlobHasher(lengths: home.pieceLengths, length: note.size)
        var position: Int64 = 0
        if let snapshot = note.snapshot, snapshot.position <= length,
            let continued = try? BlobHasher(from: snapshot, lengths: home.pieceLengths, length: note.size)
        {
            (hasher, position) = (continued, snapshot.position)
        }
        try file.forEachBlock(from: position, to: length) { hasher.update($0) }
        let begun = hasher
        state.withLock { ($0.length, $0.durable, $0.hasher) = (length, length, begun) }
    }

    /// The digest that its sender said before the bytes came; nil where that was not said to this process. It proves nothing.
    package var announced: SHA256Digest? { state.withLock { $0.announced } }

    package func announce(_ digest: SHA256Digest) { state.withLock { $0.announced = digest } }

    /// Bytes that have arrived.
    package var length: Int64 { state.withLock { $0.length } }

    /// Whether it has ended: it writes to its file no more, and another object may take the upload up from the disk.
    var hasEnded: Bool { state.withLock { $0.phase == .published || $0.phase == .gone } }

    /// Makes the caller the only one that may append, until ``leave()``.
    /// - Parameters:
    ///   - offset: where the caller's bytes begin; nil where they go on.
    ///   - count: bytes that the caller says it is going to append; nil if it does not say.
    ///   - isLast: whether it says that nothing follows them.
    package func enter(at offset: Int64?, bringing count: Int64? = nil, isLast: Bool = false) throws(UploadProblem) {
        try state.withLock { state throws(UploadProblem) in
            guard state.phase == .open else { throw state.phase.problem }
            guard !state.isBusy else { throw .busy }
            if let offset, offset != state.length { throw .gap(expected: state.length) }
            state.isBusy = true
            guard let count, count > 0 else { return }
            if isLast, state.length == 0, state.hasher.expectedLength == nil {
                state.hasher = BlobHasher(lengths: home.pieceLengths, length: count)
            } else if case (let end, let isTooMuch) = state.length.addingReportingOverflow(count), !isTooMuch {
                state.hasher.expect(atLeast: end)
            }
        }
    }

    package func leave() { state.withLock { $0.isBusy = false } }

    /// Writes and hashes bytes that have arrived. Only between ``enter(at:)`` and ``leave()``.
    package func append(_ parts: [UnsafeRawBufferPointer]) throws(UploadProblem) {
        do throws(SystemError) {
            let isOver = try state.withLock { state throws(SystemError) in
                // The file may be a blob already.
                guard state.phase == .open else { return true }
                for part in parts {
                    try file.append(part, at: state.length)
                    state.hasher.update(part)
                    state.length += Int64(part.count)
                }
                if state.length - state.durable >= Self.checkpointBytes { try checkpoint(&state) }
                return false
            }
            guard isOver else { return }
        } catch {
            throw .disk(error)
        }
        throw .unknown
    }

    private func checkpoint(_ state: inout State) throws(SystemError) {
        try file.synchronize(dataOnly: true)
        try directory.replace(
            Self.noteName,
            with: UploadNote(
                length: state.length, size: state.hasher.expectedLength, target: target, snapshot: state.hasher.snapshot
            ).bytes,
            temporary: .random(prefix: ".new-"))
        state.durable = state.length
    }

    /// Makes durable what has arrived, so that an upload that pauses loses nothing.
    package func pause() throws(UploadProblem) {
        do throws(SystemError) {
            try state.withLock { state throws(SystemError) in
                guard state.phase == .open, state.durable < state.length else { return }
                try checkpoint(&state)
            }
        } catch {
            throw .disk(error)
        }
    }

    /// Ends the upload: what arrived is a blob now, durably.
    /// - Parameter expected: its digest. If it has another, nothing is kept, unless fewer bytes are here than the sender said
    ///   at the beginning: after a crash that is what was durable, and `gap` says where the sender goes on.
    package func finish(_ expected: SHA256Digest) throws(UploadProblem) -> FinishedBlob {
        let (digest, length, made) = try state.withLock { state throws(UploadProblem) in
            guard state.phase == .open else { throw state.phase.problem }
            let result = state.hasher.finish()
            if result.digest != expected, let size = state.hasher.expectedLength, state.length < size {
                throw .gap(expected: state.length)
            }
            state.phase = result.digest == expected ? .publishing : .gone
            return (result.digest, state.length, state.hasher.hasRightPieces ? try? result.info() : nil)
        }
        guard digest == expected else {
            try? home.removeUpload(name)
            throw .wrongDigest(found: digest)
        }
        var info = made
        do throws(SystemError) {
            // The sender said another size, or this process began in the middle with what an earlier one knew.
            if try file.status().size > length { try file.truncate(to: length) }
            if info == nil, length > 0 { info = try BlobReader.info(of: digest, in: file, home.pieceLengths) }
            try file.synchronize()
            try home.publish(Self.dataName, in: directory, as: digest, info: info?.info.bytes)
        } catch {
            // It can be taken up again from the disk, as after a restart.
            state.withLock { $0.phase = .gone }
            throw .disk(error)
        }
        state.withLock { $0.phase = .published }
        try? home.removeUpload(name)
        return FinishedBlob(digest: digest, size: length, info: info)
    }

    /// Ends the upload and removes what arrived. Does nothing for an upload that has ended, or whose bytes are becoming a blob.
    package func cancel() {
        let wasOpen = state.withLock { state in
            guard state.phase == .open else { return false }
            state.phase = .gone
            return true
        }
        if wasOpen { try? home.removeUpload(name) }
    }

    // MARK: Names

    package static func newID() -> String {
        var text = ""
        for _ in 0..<2 {
            let part = String(UInt64.random(in: 0 ... .max), radix: 16)
            text += String(repeating: "0", count: 16 - part.utf8.count) + part
        }
        return text
    }

    /// Whether a text from outside can be the name of an upload.
    package static func isID(_ text: String) -> Bool {
        text.utf8.count == 32
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

extension HeldFile {
    /// Calls `body` with the bytes from `start` up to `end`, a block at a time.
    func forEachBlock(
        from start: Int64 = 0, to end: Int64, of blockBytes: Int = 1 << 20, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(SystemError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 64)
        defer { buffer.deallocate() }
        var position = start
        while position < end {
            let wanted = Int(min(Int64(blockBytes), end - position))
            let got = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: position)
            guard got > 0 else { return }
            body(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            position += Int64(got)
        }
    }
}
