import Files
import Glibc
import Hashing
import Metainfo

/// Records of complete content, by info hash and path, so that `seed --fast` need not hash it again. A record is valid
/// as long as every file has the recorded size, modification time and inode.
package struct VouchingStore: Sendable {
    /// Created when it is first needed.
    package let directory: String
    private let layer: any FileLayer

    package init(directory: String, layer: any FileLayer = SystemFileLayer()) {
        self.directory = directory
        self.layer = layer
    }

    /// In `$XDG_STATE_HOME/swoop` or `~/.local/state/swoop`; nil if the environment has neither variable. A relative
    /// path in `XDG_STATE_HOME` is ignored, as its specification requires.
    package static func standard() -> VouchingStore? {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        guard let base = variable("XDG_STATE_HOME") ?? variable("HOME").map({ $0 + "/.local/state" }) else {
            return nil
        }
        return VouchingStore(directory: base + "/swoop/content")
    }

    /// Records that `pieces` of a content are correct, after making it durable.
    /// - Parameter isDurable: whether everything was synced before the call.
    package func save(
        _ files: ContentFiles, hashes: InfoHashes, pieces: PieceSet, isDurable: Bool = false
    ) throws(StorageError) {
        let root = files.root
        // Stamps are taken before the sync, so that a write between the two makes them differ later.
        let stamps = try files.stamps()
        if !isDurable { try files.synchronizeUnwritten() }
        do {
            try layer.makeDirectories(path: directory)
            let own = HeldFile(try layer.openDirectory(path: directory), layer: layer)
            let record = ResumeRecord(hashes: hashes, pieces: pieces, selection: files.selection, stamps: stamps)
            let key = key(hashes, root.path)
            guard let name = FileName(key) else { return }
            // The same content may be saved twice at once, by this process or by others.
            let temporary = AtomicFile.Temporary.free { FileName("\(key).\(getpid()).\($0)") }
            do throws(SystemError) {
                try layer.replaceFile(name, in: own.descriptor, with: record.encode(), temporary: temporary)
            } catch {
                throw StorageError(error, "save", path: "\(directory)/\(name)")
            }
        } catch let error as StorageError {
            throw error
        } catch let error as SystemError {
            throw StorageError(error, "save a record in", path: directory)
        } catch {
            throw StorageError(.io(0), "save a record in", path: directory)
        }
    }

    /// The pieces of this content that a record vouches for; nil when there is none, or when a file is not as it was.
    /// Pieces that lie partly in files that were not selected then, but are now, are left out.
    package func pieces(vouchedFor files: ContentFiles, hashes: InfoHashes) -> PieceSet? {
        guard let descriptor = try? layer.openDirectory(path: directory) else { return nil }
        let own = HeldFile(descriptor, layer: layer)
        let small = SmallFiles(layer: layer, directory: own.descriptor, path: directory)
        guard let name = FileName(key(hashes, files.root.path)),
            let bytes = try? small.read(name, limit: files.limits.recordBytes),
            let record = try? ResumeRecord.decode(bytes), record.fits(hashes, files.layout), !record.stamps.isEmpty
        else { return nil }
        for file in files.selection.files where record.selectedFiles[file] {
            guard let stamp = record.stamps[file], let status = try? files.status(file), status.kind == .file,
                FileStamp(status) == stamp
            else { return nil }
        }
        return record.pieces(validFor: files.selection, files.layout)
    }

    private func key(_ hashes: InfoHashes, _ path: String) -> String {
        hashes.primary.hex + "-" + SHA1.digest(Array(path.utf8)).hex.prefix(16)
    }
}
