import Files
import Hashing
import Jobs

/// The SHA-1 digests of the files of one content from the last time it was hashed for a task. With it, a task is made
/// again without reading a byte, even without a library.
struct HashMemory: Sendable {
    private static let header = "swoop file hashes 1"
    /// By path; the identity says whether the file is still the one that was hashed.
    private(set) var known: [String: (identity: DeviceStamp, digest: SHA1Digest)] = [:]

    /// Reads the record. Empty if there is none or it is not valid: then everything is hashed.
    init(path: String) {
        guard let bytes = try? PathFiles.read(path, limit: 64 << 20) else { return }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
        guard lines.first.map(String.init) == Self.header else { return }
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ", maxSplits: 6)
            guard fields.count == 7, let digest = SHA1Digest(hex: fields[0]), let size = Int64(fields[1]),
                let device = UInt64(fields[2]), let inode = UInt64(fields[3]), let seconds = Int64(fields[4]),
                let nanoseconds = Int64(fields[5])
            else { continue }
            let identity = DeviceStamp(
                device: device, inode: inode, size: size, seconds: seconds, nanoseconds: nanoseconds)
            known[String(fields[6])] = (identity, digest)
        }
    }

    init() {}

    func digest(_ path: String, _ identity: DeviceStamp) -> SHA1Digest? {
        guard let entry = known[path], entry.identity == identity else { return nil }
        return entry.digest
    }

    /// A file whose name has a line break in it is not remembered.
    mutating func remember(_ path: String, _ identity: DeviceStamp, _ digest: SHA1Digest) {
        if !path.utf8.contains(0x0a) { known[path] = (identity, digest) }
    }

    func save(to path: String) {
        var text = Self.header + "\n"
        for (path, entry) in known.sorted(by: { $0.key < $1.key }) {
            let identity = entry.identity
            text += "\(entry.digest.hex) \(identity.size) \(identity.device) \(identity.inode) "
            text += "\(identity.seconds) \(identity.nanoseconds) \(path)\n"
        }
        guard let slash = path.lastIndex(of: "/") else { return }
        // Losing the record only costs a reading.
        try? PathFiles.makeDirectory(String(path[..<slash]))
        try? PathFiles.write(Array(text.utf8), to: path)
    }
}
