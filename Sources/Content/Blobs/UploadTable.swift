import Files
import Synchronization

/// The uploads of one host: open ones in memory, all of them on the disk.
package final class UploadTable: Sendable {
    private let home: BlobDirectory
    private let open = Mutex<[String: Entry]>([:])

    private struct Entry {
        let upload: BlobUpload
        var usedAt: Double
    }

    /// Uploads that are held open. One that is not can be taken up again from the disk.
    private static let mostOpen = 512

    package init(_ home: BlobDirectory) { self.home = home }

    /// Begins an upload.
    /// - Parameters:
    ///   - id: its name, where another host has chosen it: checked, and new.
    ///   - size: the bytes that the sender says it will have; nil if it does not say.
    ///   - target: what it is for; a text without blanks and line breaks. Nil where that is not known.
    ///   - now: seconds of a monotonic clock.
    package func begin(
        id: String? = nil, size: Int64? = nil, for target: String? = nil, now: Double
    ) throws(SystemError) -> BlobUpload {
        let upload = try BlobUpload(in: home, id: id, size: size, for: target)
        keep(upload, now: now)
        return upload
    }

    /// The upload of that name; nil when there is none.
    package func find(_ id: String, now: Double) throws(SystemError) -> BlobUpload? {
        let known = open.withLock { open in
            open[id]?.usedAt = now
            return open[id]?.upload
        }
        if let known { return known }
        guard let upload = try BlobUpload(resuming: id, in: home) else { return nil }
        // Two requests may have taken it up at once: one of them is used.
        return open.withLock { open in
            if let other = open[id]?.upload { return other }
            open[id] = Entry(upload: upload, usedAt: now)
            return upload
        }
    }

    /// An upload has ended, or was cancelled.
    package func forget(_ id: String) { open.withLock { _ = $0.removeValue(forKey: id) } }

    /// Removes uploads that nothing was sent to for long.
    /// - Parameters:
    ///   - age: seconds.
    ///   - wall: nanoseconds since 1970, as file times.
    package func removeIdle(age: Double, now: Double, wall: Int64) throws(SystemError) {
        for name in try home.uploadNames() {
            guard let status = try home.uploadStatus(name), status.kind == .directory,
                Double(wall - status.modified) / 1e9 > age
            else { continue }
            let isUsed = open.withLock { open in open[name.text].map { now - $0.usedAt <= age } ?? false }
            guard !isUsed else { continue }
            forget(name.text)
            try home.removeUpload(name)
        }
    }

    private func keep(_ upload: BlobUpload, now: Double) {
        let idle = open.withLock { open in
            open[upload.id] = Entry(upload: upload, usedAt: now)
            // One that somebody sends to stays: taken up again from the disk there would be two of it.
            guard open.count > Self.mostOpen else { return nil as BlobUpload? }
            return open.values.filter { !$0.upload.isBusy }.min { $0.usedAt < $1.usedAt }?.upload
        }
        guard let idle else { return }
        // Later requests find it on the disk.
        try? idle.pause()
        open.withLock { open in
            if open[idle.id]?.upload === idle, !idle.isBusy { open[idle.id] = nil }
        }
    }
}
