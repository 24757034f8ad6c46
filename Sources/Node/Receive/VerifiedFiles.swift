import Delivery
import Glibc
import Hashing

/// Which files of a delivery have been hashed and found right, so that a restart need not do it again: each with what
/// the file was then. A file is made durable before it is noted.
struct VerifiedFiles: Sendable {
    private static let header = "swoop verified files 1"
    private let path: String
    private var files: [Int: NodeFiles.Status] = [:]

    init(path: String) {
        self.path = path
        guard let bytes = try? NodeFiles.read(path, limit: 16 << 20) else { return }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first.map(String.init) == Self.header else { return }
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ")
            guard fields.count == 5, let index = Int(fields[0]), let size = Int64(fields[1]),
                let device = UInt64(fields[2]), let inode = UInt64(fields[3]), let modified = Int64(fields[4])
            else { continue }
            files[index] = NodeFiles.Status(
                kind: .file, size: size, device: device, inode: inode, modified: modified, changed: 0)
        }
    }

    /// Places in the task's list of the files that are still as they were when they were found right.
    func stillRight(_ task: TaskFile, at place: (TaskFileEntry) -> String) -> Set<Int> {
        Set(
            files.compactMap { index, noted in
                guard task.fileList.indices.contains(index), let now = NodeFiles.status(place(task.fileList[index])),
                    now.kind == .file, now.size == noted.size, now.size == task.fileList[index].size,
                    now.device == noted.device, now.inode == noted.inode, now.modified == noted.modified
                else { return nil }
                return index
            })
    }

    mutating func note(_ index: Int, at place: String) {
        guard let status = NodeFiles.status(place) else { return }
        files[index] = status
        save()
    }

    mutating func forget(_ index: Int) {
        if files.removeValue(forKey: index) != nil { save() }
    }

    private func save() {
        var text = Self.header + "\n"
        for (index, status) in files.sorted(by: { $0.key < $1.key }) {
            text += "\(index) \(status.size) \(status.device) \(status.inode) \(status.modified)\n"
        }
        // Losing it costs a reading.
        try? NodeFiles.write(Array(text.utf8), to: path)
    }
}

/// Hashes one whole file and makes it durable. Blocks.
enum FileCheck {
    /// Whether it is there and has this content. What is right is durable when this returns.
    static func isRight(_ path: String, hash: String, size: Int64) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) == size else {
            return false
        }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        var digest = SHA1Streams(laneCount: 1)
        var block = [UInt8](repeating: 0, count: 512 << 10)
        while true {
            let count = block.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { break }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            block[..<count].withUnsafeBytes { digest.update([$0]) }
        }
        guard digest.finish(0)?.hex == hash else { return false }
        return fdatasync(descriptor) == 0
    }
}
