import Glibc

/// Moves verified content to its final place atomically, and determines after a crash whether that has happened.
///
/// Before the move, a record of the content is written to the task's own directory; so after a crash it is known
/// whether the content at the final place is the new one. It is recognised by its inode and its time of last change,
/// which a rename does not change. (The inode of a removed file is soon reused.)
struct Publication: Sendable {
    let incoming: String
    let final: String
    let marker: String
    /// In the task's own directory.
    let record: String
    let staging: OwnTree
    let machine: MachineKind

    enum MachineKind: Sendable { case local, mountedBucket }

    enum Standing: Sendable, Equatable {
        /// The content has not been verified yet, or the record is of something else.
        case unchecked
        /// The content is verified, but not at its final place.
        case checked
        /// The content is at its final place.
        case published
    }

    /// The state after a restart.
    func standing() -> Standing {
        guard let bytes = try? NodeFiles.read(record, limit: 4096) else { return .unchecked }
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
        if fields == ["bucket"] { return NodeFiles.exists(marker) ? .published : .checked }
        guard fields.count == 3, let device = UInt64(fields[0]), let inode = UInt64(fields[1]),
            let modified = Int64(fields[2].trimmed)
        else { return .unchecked }
        func isIt(_ path: String) -> Bool {
            NodeFiles.status(path).map { $0.device == device && $0.inode == inode && $0.modified == modified } ?? false
        }
        if isIt(final) { return .published }
        return isIt(incoming) ? .checked : .unchecked
    }

    /// Records that all of the content has just been verified. Makes the content durable first, because a record must
    /// not survive without it.
    func recordChecked() throws(FileFailure) {
        try Self.synchronize(incoming)
        if machine == .mountedBucket { return try NodeFiles.write(Array("bucket".utf8), to: record) }
        guard let status = NodeFiles.status(incoming) else {
            throw FileFailure(operation: "look at", path: incoming, number: errno)
        }
        try NodeFiles.write(Array("\(status.device) \(status.inode) \(status.modified)\n".utf8), to: record)
    }

    /// The content is going to change: it no longer counts as verified.
    func forgetChecked() { NodeFiles.removeFile(record) }

    /// Publishes the content. Replaces what was there before, and leaves a marker. Repeating it is harmless.
    func publish() throws(FileFailure) {
        try checkNeighbours()
        if machine == .mountedBucket {
            try Self.copy(incoming, to: final)
        } else if standing() != .published {
            let slash = final.lastIndex(of: "/") ?? final.startIndex
            try NodeFiles.makeDirectory(String(final[..<slash]))
            if NodeFiles.status(final) == nil {
                try NodeFiles.move(incoming, to: final)
            } else {
                try NodeFiles.exchange(incoming, with: final)
            }
        }
        try NodeFiles.write([], to: marker)
        // What is there now is the earlier content, or the copied content.
        staging.remove(incoming)
    }

    /// Checks the names beside the content that publication uses: other content must not be there.
    /// - Throws: `EEXIST`, naming what is in the way.
    func checkNeighbours() throws(FileFailure) {
        func refuse(_ path: String) -> FileFailure { FileFailure(operation: "replace", path: path, number: EEXIST) }
        if let there = NodeFiles.status(marker), there.kind != .file || there.size != 0 { throw refuse(marker) }
        let torrent = final + ".torrent"
        if let there = NodeFiles.status(torrent), there.kind != .file || NodeFiles.exists(torrent + ".finished") {
            throw refuse(torrent)
        }
        // A link may lead anywhere; a directory that contains other finished content belongs to an organisation.
        if let there = NodeFiles.status(final), there.kind == .other { throw refuse(final) }
        if NodeFiles.names(in: final + "/dcps").contains(where: { $0.hasSuffix(".finished") }) { throw refuse(final) }
    }

    /// Makes a file, or all files and directories in a directory, durable.
    private static func synchronize(_ path: String) throws(FileFailure) {
        guard let status = NodeFiles.status(path) else {
            throw FileFailure(operation: "look at", path: path, number: errno)
        }
        guard status.kind != .other else { return }
        if status.kind == .directory {
            for name in NodeFiles.names(in: path) { try synchronize(path + "/" + name) }
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileFailure(operation: "open", path: path, number: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFailure(operation: "make durable", path: path, number: errno) }
    }

    /// For a mounted bucket, which has no rename: copies file by file. The marker that follows shows that all are
    /// there.
    private static func copy(_ path: String, to target: String) throws(FileFailure) {
        guard let status = NodeFiles.status(path) else {
            throw FileFailure(operation: "look at", path: path, number: errno)
        }
        if status.kind == .directory {
            try NodeFiles.makeDirectory(target)
            let names = NodeFiles.names(in: path)
            for name in names { try copy(path + "/" + name, to: target + "/" + name) }
            for name in NodeFiles.names(in: target) where !names.contains(name) {
                OwnTree(path: target).remove(target + "/" + name)
            }
            return
        }
        let source = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard source >= 0 else { throw FileFailure(operation: "open", path: path, number: errno) }
        defer { close(source) }
        let slash = target.lastIndex(of: "/") ?? target.startIndex
        try NodeFiles.makeDirectory(String(target[..<slash]))
        let descriptor = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw FileFailure(operation: "write", path: target, number: errno) }
        defer { close(descriptor) }
        var block = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = block.withUnsafeMutableBytes { read(source, $0.baseAddress, $0.count) }
            if count == 0 { break }
            guard count > 0 else { throw FileFailure(operation: "read", path: path, number: errno) }
            var done = 0
            while done < count {
                let written = block[done..<count].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                guard written > 0 else { throw FileFailure(operation: "write", path: target, number: errno) }
                done += written
            }
        }
        guard fsync(descriptor) == 0 else { throw FileFailure(operation: "make durable", path: target, number: errno) }
    }
}
