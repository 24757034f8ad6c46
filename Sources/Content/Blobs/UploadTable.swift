import Files
import Synchronization

/// The uploads of one host: open ones in memory, all of them on the disk.
///
/// Of each upload there is one object at a time that writes to its file. An object leaves the table when it has ended, or
/// when nobody but the table has it. If a second one were made before, it could write into the blob that the first one's
/// file became.
package final class UploadTable: Sendable {
    private let home: BlobDirectory
    private let mostOpen: Int
    private let open = Mutex<[String: Entry]>([:])
    /// By a name's hash: whoever makes or drops the object of an upload that has not ended holds its door.
    private let doors = (0..<256).map { _ in Door() }

    private struct Entry {
        var upload: BlobUpload
        var usedAt: Double

        /// Whether nobody but the table has the upload, so that nobody can send to it.
        mutating func isUnused() -> Bool { isKnownUniquelyReferenced(&upload) }
    }

    private final class Door: Sendable { let lock = Mutex(()) }

    private func door(of id: String) -> Door { doors[Int(UInt(bitPattern: id.hashValue) % UInt(doors.count))] }

    /// - Parameter mostOpen: uploads that are held open. One that is not can be taken up again from the disk.
    package init(_ home: BlobDirectory, mostOpen: Int = 512) {
        self.home = home
        self.mostOpen = mostOpen
    }

    /// Begins an upload. Blocks.
    /// - Parameters:
    ///   - id: its name, where another host has chosen it: checked, and new.
    ///   - size: the bytes that the sender says it will have; nil if it does not say.
    ///   - target: what it is for; a text without blanks and line breaks. Nil where that is not known.
    ///   - now: seconds of a monotonic clock.
    package func begin(
        id: String? = nil, size: Int64? = nil, for target: String? = nil, now: Double
    ) throws(SystemError) -> BlobUpload {
        let id = id ?? BlobUpload.newID()
        let upload = try door(of: id).lock.withLock { _ throws(SystemError) in
            let new = try BlobUpload(in: home, id: id, size: size, for: target)
            keep(new, now: now)
            return new
        }
        makeRoom()
        return upload
    }

    /// The upload of that name; nil when there is none. Blocks.
    package func find(_ id: String, now: Double) throws(SystemError) -> BlobUpload? {
        if let known = known(id, now: now) { return known }
        let found: BlobUpload? = try door(of: id).lock.withLock { _ throws(SystemError) in
            // Another request may have taken it up meanwhile.
            if let known = known(id, now: now) { return known }
            guard let upload = try BlobUpload(resuming: id, in: home) else { return nil }
            keep(upload, now: now)
            return upload
        }
        makeRoom()
        return found
    }

    /// An upload has ended. One that has not stays.
    package func forget(_ upload: BlobUpload) {
        guard upload.hasEnded else { return }
        open.withLock { open in
            if open[upload.id]?.upload === upload { open[upload.id] = nil }
        }
    }

    /// Removes uploads that nothing was sent to for long. Blocks.
    /// - Parameters:
    ///   - age: seconds.
    ///   - wall: nanoseconds since 1970, as file times.
    package func removeIdle(age: Double, now: Double, wall: Int64) throws(SystemError) {
        for name in try home.uploadNames() {
            guard let status = try home.uploadStatus(name), status.kind == .directory,
                Double(wall - status.modified) / 1e9 > age
            else { continue }
            try door(of: name.text).lock.withLock { _ throws(SystemError) in
                if let entry = open.withLock({ $0[name.text] }) {
                    guard now - entry.usedAt > age else { return }
                    entry.upload.cancel()
                    // Its bytes may be becoming a blob.
                    guard entry.upload.hasEnded else { return }
                    forget(entry.upload)
                }
                try home.removeUpload(name)
            }
        }
    }

    private func known(_ id: String, now: Double) -> BlobUpload? {
        open.withLock { open in
            open[id]?.usedAt = now
            return open[id]?.upload
        }
    }

    private func keep(_ upload: BlobUpload, now: Double) {
        open.withLock { $0[upload.id] = Entry(upload: upload, usedAt: now) }
    }

    /// Drops the upload that was used longest ago, where too many are open. Later requests find it on the disk.
    private func makeRoom() {
        guard let id = longestUnused else { return }
        door(of: id).lock.withLock { _ in
            let upload = open.withLock { open -> BlobUpload? in
                guard open[id]?.isUnused() == true else { return nil }
                return open.removeValue(forKey: id)?.upload
            }
            if let upload { try? upload.pause() }
        }
    }

    private var longestUnused: String? {
        open.withLock { open -> String? in
            guard open.count > mostOpen else { return nil }
            let ids = open.map { (id: $0.key, usedAt: $0.value.usedAt) }.sorted { $0.usedAt < $1.usedAt }.map(\.id)
            for id in ids where open[id]?.isUnused() == true { return id }
            return nil
        }
    }
}
