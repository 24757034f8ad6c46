import Files
import Glibc
import Threads

/// Puts content that has been checked at its final place in one step, and finds out after a crash how far that had
/// come.
///
/// Before the step the job's record of what was checked says so of all that is to be put there; so after a crash it is
/// known whether what lies at the final place is the new content.
package struct Publication: Sendable {
    package let incoming: String
    package let final: String
    /// Nil where nothing is put beside the content.
    package let marker: String?
    /// The path of the job's ``CheckRecord``.
    package let record: String
    package let staging: OwnTree
    package let machine: MachineKind

    package init(
        incoming: String, final: String, marker: String?, record: String, staging: OwnTree, machine: MachineKind
    ) {
        self.incoming = incoming
        self.final = final
        self.marker = marker
        self.record = record
        self.staging = staging
        self.machine = machine
    }

    package enum MachineKind: Sendable { case local, mountedBucket }

    package enum Standing: Sendable, Equatable {
        /// Content has not been checked yet, or the record is of something else.
        case unchecked
        /// It has been checked and is not at its final place.
        case checked
        /// It lies at its final place.
        case published
    }

    /// What is known after a restart.
    package func standing() -> Standing {
        switch CheckRecord.whole(at: record) {
        case nil: return .unchecked
        // A marker that lies there before the copy is whole is that of other content.
        case .bucket, .bucketBegun: return .checked
        case .bucketCopied: return hasMarker ? .published : .checked
        case .entry(let device, let inode, let modified):
            func isIt(_ path: String) -> Bool {
                PathFiles.status(path).map { $0.device == device && $0.inode == inode && $0.modified == modified }
                    ?? false
            }
            if isIt(final) { return .published }
            return isIt(incoming) ? .checked : .unchecked
        }
    }

    /// Says that all of the content has just been checked. Makes it durable first: a record must not outlive it.
    package func recordChecked() throws(FileFailure) {
        try PathTrees.synchronize(incoming)
        if machine == .mountedBucket { return try CheckRecord.setWhole(.bucket, at: record) }
        let status = try PathFiles.look(at: incoming)
        try CheckRecord.setWhole(
            .entry(device: status.device, inode: status.inode, modified: status.modified), at: record)
    }

    /// Content is to be changed again: what was checked counts no more.
    package func forgetChecked() { try? CheckRecord.setWhole(nil, at: record) }

    /// The step. Whatever was there before is gone afterwards; a marker is left. Doing it twice does no harm.
    /// - Parameter isInterrupted: asked while a mounted bucket or another file system is copied to, which may take hours. Where it
    ///   says so, the copy ends, and the content is not published.
    /// - Throws: `ECANCELED` if it was interrupted.
    package func publish(isInterrupted: () -> Bool = { false }) throws(FileFailure) {
        try checkNeighbours()
        if standing() == .published {
            // A crash came between the step and its end.
        } else if machine == .mountedBucket {
            try removeMarker()
            try CheckRecord.setWhole(.bucketBegun, at: record)
            try PathTrees.copy(incoming, to: final, isInterrupted: isInterrupted)
            try CheckRecord.setWhole(.bucketCopied, at: record)
        } else {
            try PathFiles.makeDirectory(parent)
            do throws(FileFailure) { try Self.put(incoming, at: final) } catch {
                guard error.number == EXDEV else { throw error }
                try putCopy(isInterrupted)
            }
        }
        if let marker { try PathFiles.write([], to: marker) }
        // What lies there now is what was there before, or the copied content.
        staging.remove(incoming)
        removeCopy()
    }

    /// Removes what a copy has left that will not be finished. Content that is there whole stays, this job's or another's.
    package func discardPartial() {
        removeCopy()
        guard machine == .mountedBucket, !hasMarker else { return }
        switch CheckRecord.whole(at: record) {
        case .bucketBegun, .bucketCopied:
            OwnTree(path: parent).remove(final)
            forgetChecked()
        case .bucket, .entry, nil: break
        }
    }

    /// The same, once nobody publishes content of that name. Does not wait for that: a copy of another job may take hours.
    package func discardPartial(inTurn publications: Turns) async {
        guard await Threads.offload({ hasPartial }) else { return }
        await publications.runInBackground(final) { await Threads.offload { discardPartial() } }
    }

    /// Whether ``discardPartial()`` may have something to remove. Blocks.
    package var hasPartial: Bool {
        machine == .mountedBucket || PathFiles.status(copies) != nil
    }

    /// Whether the content has to be copied, which may take hours. Blocks.
    var copiesContent: Bool { machine == .mountedBucket || !PathFiles.areOnOneDevice(incoming, parent) }

    // MARK: Steps

    private var parent: String { String(final[..<(final.lastIndex(of: "/") ?? final.startIndex)]) }

    private var hasMarker: Bool { marker.map(PathFiles.exists) == true }

    /// What says that other content is whole must not say it of this one.
    private func removeMarker() throws(FileFailure) {
        guard let marker else { return }
        do throws(SystemError) {
            let (directory, name) = try HeldDirectory.holding(SystemPath(marker))
            try directory.removeFile(name)
            guard try directory.status(name) == nil else { throw SystemError(EEXIST) }
            // Also where it was gone: an earlier removal may not be durable.
            try directory.synchronize()
        } catch {
            // Without the directory there is no marker.
            guard error.number == ENOENT else { throw FileFailure("remove", marker, error) }
        }
    }

    private static func put(_ path: String, at final: String) throws(FileFailure) {
        if PathFiles.status(final) == nil {
            try PathFiles.move(path, to: final).confirm()
        } else {
            try PathFiles.exchange(path, with: final)
        }
    }

    /// Where content is copied to when its final place is on another file system: a directory beside that place, with a name that is
    /// neither served nor taken into the library.
    private static let copiesName = ".swoop-publish"
    private var copies: String { parent + "/" + Self.copiesName }
    private var copyPlace: String { copies + final[(final.lastIndex(of: "/") ?? final.startIndex)...] }

    /// Nothing can be renamed to another file system: the content is copied to the final place's, and the copy, whole and durable,
    /// is put in place in one step. The disk has to hold it beside what is there already.
    private func putCopy(_ isInterrupted: () -> Bool) throws(FileFailure) {
        do throws(FileFailure) { return try tryCopy(isInterrupted) } catch {
            // Another publication may have removed the directory of copies, which was empty, right after it was opened.
            guard error.number == ENOENT, PathFiles.status(incoming) != nil else { throw error }
        }
        try tryCopy(isInterrupted)
    }

    private func tryCopy(_ isInterrupted: () -> Bool) throws(FileFailure) {
        // What a crash has left of an earlier copy.
        removeCopy()
        do throws(FileFailure) {
            let (above, directory, name) = try openCopies()
            try PathTrees.copy(incoming, to: name, in: directory, path: copyPlace, isInterrupted: isInterrupted)
            do throws(SystemError) {
                guard let status = try directory.status(name) else { throw SystemError(ENOENT) }
                let whole = CheckNotes.Whole.entry(
                    device: status.device, inode: status.inode, modified: status.modified)
                do throws(FileFailure) { try CheckRecord.setWhole(whole, at: record) } catch {
                    throw SystemError(error.number)
                }
                let isThere = try above.status(name) != nil
                try directory.layer.rename(
                    name, in: directory.descriptor, to: name, in: above.descriptor, isThere ? .exchange : .replace)
                try above.synchronize()
                try directory.synchronize()
            } catch { throw FileFailure("put in place", copyPlace, error) }
        } catch {
            removeCopy()
            throw error
        }
    }

    /// Makes the directory of copies if it is missing, and opens it. A link of its name leads nowhere: it is an error.
    private func openCopies() throws(FileFailure) -> (above: HeldDirectory, directory: HeldDirectory, name: FileName) {
        do throws(SystemError) {
            let (above, name) = try HeldDirectory.holding(SystemPath(final))
            guard let own = FileName(Self.copiesName) else { throw SystemError(EINVAL) }
            do throws(SystemError) { try above.makeDirectory(own) } catch  where error.number == EEXIST {}
            return (above, try above.directory(own), name)
        } catch { throw FileFailure("open", copies, error) }
    }

    private func removeCopy() {
        guard machine == .local, PathFiles.status(copies)?.kind == .directory else { return }
        OwnTree(path: parent).remove(copyPlace)
        // Another publication may have a copy there: only an empty directory goes.
        rmdir(copies)
    }

    /// Names beside the content that publication writes to, and what must not lie there: other content.
    /// - Throws: `EEXIST`, naming what is in the way.
    package func checkNeighbours() throws(FileFailure) {
        func refuse(_ path: String) -> FileFailure { FileFailure(operation: "replace", path: path, number: EEXIST) }
        // A link may lead anywhere; and what holds finished content of its own is an organisation's directory.
        if let there = PathFiles.status(final), there.kind != .file, there.kind != .directory { throw refuse(final) }
        guard let marker else { return }
        if let there = PathFiles.status(marker), there.kind != .file || there.size != 0 { throw refuse(marker) }
        let torrent = final + ".torrent"
        if let there = PathFiles.status(torrent), there.kind != .file || PathFiles.exists(torrent + ".finished") {
            throw refuse(torrent)
        }
        if PathFiles.names(in: final + "/dcps").contains(where: { $0.hasSuffix(".finished") }) { throw refuse(final) }
    }
}
