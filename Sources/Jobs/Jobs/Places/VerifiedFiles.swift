import Glibc
import Hashing

/// The files of a delivery that were hashed and found correct, with their metadata at that time, so that a restart need
/// not hash them again. A file is made durable before it is recorded.
///
/// On disk it is a list to which each change appends a line; of several lines for one file the last counts. The list is
/// rewritten only when it is read and contains outdated lines.
package struct VerifiedFiles: Sendable {
    private static let header = "swoop verified files 1"
    private let path: String
    private var files: [Int: PathFiles.Status] = [:]
    /// Whether there is a list on disk to append to.
    private var isBegun = false

    package init(path: String) {
        self.path = path
        guard let bytes = try? PathFiles.read(path, limit: 16 << 20) else { return }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.first.map(String.init) == Self.header else { return }
        isBegun = true
        for line in lines.dropFirst() {
            let fields = line.split(separator: " ")
            if fields.count == 2, fields[0] == "-", let index = Int(fields[1]) {
                files[index] = nil
                continue
            }
            guard fields.count == 5, let index = Int(fields[0]), let size = Int64(fields[1]),
                let device = UInt64(fields[2]), let inode = UInt64(fields[3]), let modified = Int64(fields[4])
            else { continue }
            files[index] = PathFiles.Status(
                kind: .file, size: size, modified: modified, inode: inode, device: device)
        }
        // The last line may have been cut off by a crash: nothing must be appended to it.
        if files.count != lines.count - 1 || bytes.last != 0x0a { rewrite() }
    }

    /// The files of a job that are still as they were when they were found right.
    package func stillRight(_ job: Job) -> Set<Int> {
        Set(
            files.compactMap { index, noted in
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
        files[index] = status
        append(Self.line(index, status))
    }

    package mutating func forget(_ index: Int) {
        if files.removeValue(forKey: index) != nil { append("- \(index)\n") }
    }

    private static func line(_ index: Int, _ status: PathFiles.Status) -> String {
        "\(index) \(status.size) \(status.device) \(status.inode) \(status.modified)\n"
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
        let lines = files.sorted { $0.key < $1.key }.map { Self.line($0.key, $0.value) }
        do throws(FileFailure) {
            try PathFiles.write(Array((Self.header + "\n" + lines.joined()).utf8), to: path)
            isBegun = true
        } catch { isBegun = false }
    }
}

/// Hashes one whole file and makes it durable. Blocks.
package enum FileCheck {
    /// Whether it is there and has this content. What is right is durable when this returns.
    package static func isRight(_ path: String, _ file: JobFile) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) == file.size
        else {
            return false
        }
        guard let expected = file.digest else { return fdatasync(descriptor) == 0 }
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
        guard digest.finish(0) == expected else { return false }
        return fdatasync(descriptor) == 0
    }
}
