import Files
import Fleet
import Glibc
import Hashing
import JSON
import Jobs
import Synchronization

/// Records what jobs of the fleet have published on this host: paths whose content a later job may replace, and
/// versions. Stored in small files in the agent's data directory. Calls block.
final class PublishedPlaces: Sendable {
    private let directory: String
    private let lock = Mutex(())

    init(directory: String) { self.directory = directory }

    private func file(_ kind: String, _ path: String) -> String {
        "\(directory)/\(kind)-\(Hashing.SHA256.digest(Array(path.utf8)).hex)"
    }

    // MARK: Replaced content

    /// Whether the path is free, or its content was published by a job.
    func isOurs(_ path: String) -> Bool {
        guard let status = PathFiles.status(path) else { return true }
        guard let bytes = try? PathFiles.read(file("place", path), limit: 4096),
            let value = try? JSONValue.parse(bytes)
        else { return false }
        return value["device"]?.stringValue == String(status.device)
            && value["inode"]?.stringValue == String(status.inode)
    }

    /// Whether what a job brought is still where it put it.
    func shows(_ record: TargetRecord, publish: FleetClass.Publish) -> Bool {
        guard record.life.isVisible, record.restores == nil, let destination = record.destination else { return false }
        guard publish == .replace else {
            return PathFiles.status("\(destination)/releases/\(record.job)")?.kind == .directory
        }
        let final = "\(destination)/\(record.offer.name)"
        guard PathFiles.status(final) != nil, isOurs(final),
            let bytes = try? PathFiles.read(file("place", final), limit: 4096)
        else { return false }
        return (try? JSONValue.parse(bytes))?["job"]?.stringValue == record.job
    }

    /// Records that a job has published its content at a path.
    func note(_ path: String, job: String) throws(FileFailure) {
        guard let status = PathFiles.status(path) else { return }
        let value: JSONValue = [
            "path": .string(path), "job": .string(job), "device": .string(String(status.device)),
            "inode": .string(String(status.inode)),
        ]
        try PathFiles.makeDirectory(directory)
        try PathFiles.write(value.encode(), to: file("place", path), mode: 0o600)
    }

    // MARK: Versions

    /// Jobs whose content has been current at a destination, oldest first.
    func versions(of destination: String) -> [String] {
        guard let bytes = try? PathFiles.read(file("versions", destination), limit: 1 << 20),
            let value = try? JSONValue.parse(bytes)
        else { return [] }
        return (value["jobs"]?.arrayValue ?? []).compactMap(\.stringValue).filter(TargetRecord.isName)
    }

    /// Records that a job's content is now current. Deletes older versions, except the last `keep` before it.
    func switched(_ destination: String, to job: String, keep: Int) throws(FileFailure) {
        // Two jobs with the same destination may switch at the same time.
        let failure = lock.withLock { _ -> FileFailure? in
            do throws(FileFailure) {
                var jobs = versions(of: destination).filter { $0 != job }
                jobs.append(job)
                let old = jobs.dropLast(keep + 1)
                let value: JSONValue = [
                    "path": .string(destination), "jobs": .array(jobs.suffix(keep + 1).map(JSONValue.string)),
                ]
                try PathFiles.makeDirectory(directory)
                try PathFiles.write(value.encode(), to: file("versions", destination), mode: 0o600)
                let tree = OwnTree(path: destination + "/releases")
                for name in old { tree.remove("\(tree.path)/\(name)") }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Makes the link `DEST/current` point to the content of a job, atomically.
    static func point(_ destination: String, to job: String) throws(FileFailure) {
        let link = destination + "/current"
        if let there = PathFiles.status(link), there.kind != .symlink {
            throw FileFailure(operation: "replace", path: link, number: EEXIST)
        }
        let new = "\(destination)/.current-\(UInt32.random(in: 0 ... .max))"
        guard symlink("releases/\(job)", new) == 0 else {
            throw FileFailure(operation: "make", path: new, number: errno)
        }
        guard rename(new, link) == 0 else {
            let number = errno
            unlink(new)
            throw FileFailure(operation: "replace", path: link, number: number)
        }
        do throws(SystemError) { try HeldDirectory.open(SystemPath(destination)).synchronize() } catch {
            throw FileFailure("make durable", link, error)
        }
    }

    /// The job to whose content `DEST/current` points; nil if there is no such link.
    static func current(_ destination: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink(destination + "/current", &buffer, buffer.count)
        guard count > 0, count < buffer.count else { return nil }
        let text = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.hasPrefix("releases/") ? String(text.dropFirst(9)) : nil
    }
}
