import Crypto
import Files
import Fleet
import Glibc
import Hashing
import JSON
import Synchronization
import Text
import Threads

/// The checksums of all files of a content, in the format of `md5sum`.
package struct FileSums: Sendable, Hashable {
    package struct Line: Sendable, Hashable {
        /// Relative to the content's directory. For a single file, its name.
        package let path: String
        /// The checksum in hexadecimal digits.
        package let sum: String

        package init(path: String, sum: String) {
            self.path = path
            self.sum = sum
        }
    }

    package let check: FleetClass.Check
    /// Sorted by the bytes of the path.
    package let lines: [Line]
    /// SHA-256 over ``text``, in hexadecimal digits. Sender and target compare it.
    package let digest: String
    /// Number of files, also if ``lines`` has been dropped.
    package let count: Int

    /// Maximum number of lines in records and receipts. A receipt has at most 64 KiB.
    package static let mostKept = 300

    package init(check: FleetClass.Check, lines: [Line]) {
        self.check = check
        let sorted = lines.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        self.lines = sorted
        count = sorted.count
        digest = Hashing.SHA256.digest(Array(Self.text(sorted).utf8)).hex
    }

    private init(check: FleetClass.Check, lines: [Line], digest: String, count: Int) {
        self.check = check
        self.lines = lines
        self.digest = digest
        self.count = count
    }

    /// The checksums for a record: without the lines if there are too many of them.
    package var kept: FileSums {
        // In a receipt they are JSON, of which names of control characters take six times their length, in base 64.
        guard lines.count > Self.mostKept || json.encode().count > 40_000 else { return self }
        return FileSums(check: check, lines: [], digest: digest, count: count)
    }

    /// A line `SUM  PATH` for each file. Names with a backslash or a line feed are escaped as by GNU coreutils.
    private static func text(_ lines: [Line]) -> String {
        var text = ""
        for line in lines {
            let needsEscape = line.path.utf8.contains { $0 == 0x5c || $0 == 0x0a || $0 == 0x0d }
            guard needsEscape else {
                text += "\(line.sum)  \(line.path)\n"
                continue
            }
            var path = ""
            for scalar in line.path.unicodeScalars {
                switch scalar {
                case "\\": path += "\\\\"
                case "\n": path += "\\n"
                case "\r": path += "\\r"
                default: path.unicodeScalars.append(scalar)
                }
            }
            text += "\\\(line.sum)  \(path)\n"
        }
        return text
    }

    package var json: JSONValue {
        var object = JSONObject([
            "check": .string(check.rawValue), "digest": .string(digest), "count": .integer(Int64(count)),
        ])
        if !lines.isEmpty {
            object["files"] = .array(lines.map { .array([.string($0.sum), .string($0.path)]) })
        }
        return .object(object)
    }

    package init?(json: JSONValue) {
        guard let check = json["check"]?.stringValue.flatMap(FleetClass.Check.init(rawValue:)),
            let digest = json["digest"]?.stringValue, digest.utf8.count == 64,
            let count = json["count"]?.lenientInteger.flatMap({ Int(exactly: $0) })
        else { return nil }
        let lines = (json["files"]?.arrayValue ?? []).compactMap { pair -> Line? in
            guard let pair = pair.arrayValue, pair.count == 2, let sum = pair[0].stringValue,
                let path = pair[1].stringValue
            else { return nil }
            return Line(path: path, sum: sum)
        }
        self.init(check: check, lines: lines, digest: digest, count: count)
    }
}

/// Why checksums cannot be computed.
package struct SumProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}

extension FileSums {
    /// Reads files and computes their checksums, on all processors. Blocks.
    /// - Parameter files: the paths for the lines, and the files' paths on disk. A symbolic link as the last component
    ///   is an error.
    package static func read(
        _ files: [(path: String, place: String)], check: FleetClass.Check
    ) throws(SumProblem) -> FileSums {
        try read(files.map { File(path: $0.path, place: $0.place) }, check: check, wantsDigests: false).sums
    }

    /// The same, and the SHA-1 of each file, in their order, from the same reading; none for `check: none`, which reads nothing.
    /// - Parameter front: how far others have read the files; what they have not is waited for.
    package static func readWithDigests(
        _ files: [(path: String, place: String, size: Int64)], check: FleetClass.Check, behind front: ReadFront
    ) throws(SumProblem) -> (sums: FileSums, digests: [SHA1Digest]) {
        var offset: Int64 = 0
        let files = files.map { file in
            defer { offset += file.size }
            return File(path: file.path, place: file.place, front: front, offset: offset, end: offset + file.size)
        }
        return try read(files, check: check, wantsDigests: true)
    }

    private struct File: Sendable {
        let path: String
        let place: String
        var front: ReadFront?
        /// Of the file in the content.
        var offset: Int64 = 0
        var end: Int64 = 0
    }

    private static func read(
        _ files: [File], check: FleetClass.Check, wantsDigests: Bool
    ) throws(SumProblem) -> (sums: FileSums, digests: [SHA1Digest]) {
        guard check != .none else { return (FileSums(check: .none, lines: []), []) }
        let next = Atomic(0)
        let results = Mutex<[Int: (line: Line, digest: SHA1Digest?)]>([:])
        let failure = Mutex<SumProblem?>(nil)
        Threads.run(max(1, min(Threads.processors, files.count))) {
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < files.count, failure.withLock({ $0 == nil }) else { return }
                let file = files[index]
                do throws(SumProblem) {
                    let (sum, digest) = try Self.sum(of: file, check, wantsDigest: wantsDigests)
                    results.withLock { $0[index] = (Line(path: file.path, sum: sum), digest) }
                } catch {
                    failure.withLock { $0 = error }
                }
            }
        }
        if let problem = failure.withLock({ $0 }) { throw problem }
        let found = results.withLock { $0 }
        let digests = files.indices.compactMap { found[$0]?.digest }
        return (
            FileSums(check: check, lines: found.values.map(\.line)), digests.count == files.count ? digests : []
        )
    }

    private static func sum(
        of file: File, _ check: FleetClass.Check, wantsDigest: Bool
    ) throws(SumProblem) -> (String, SHA1Digest?) {
        let descriptor = open(file.place, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw SumProblem(description: "cannot open \(DisplayName.escape(file.place)): \(SystemError(errno))")
        }
        defer { close(descriptor) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        // That of `sha1` is the same.
        var own = wantsDigest && check != .sha1 ? Insecure.SHA1() : nil
        let sum: [UInt8]
        switch check {
        case .sha1: sum = try hash(descriptor, Insecure.SHA1(), file, beside: &own)
        case .sha256: sum = try hash(descriptor, Crypto.SHA256(), file, beside: &own)
        case .md5: sum = try hash(descriptor, Insecure.MD5(), file, beside: &own)
        case .crc32c:
            var crc = CRC32C()
            try blocks(descriptor, file) { bytes in
                crc.update(bytes)
                own?.update(bufferPointer: bytes)
            }
            sum = withUnsafeBytes(of: crc.value.bigEndian) { Array($0) }
        case .none: sum = []
        }
        let digest = check == .sha1 ? sum : own.map { Array($0.finalize()) }
        return (Hexadecimal.encode(sum), wantsDigest ? digest.flatMap { SHA1Digest(bytes: $0) } : nil)
    }

    private static func hash<Function: HashFunction>(
        _ descriptor: Int32, _ function: Function, _ file: File, beside other: inout Insecure.SHA1?
    ) throws(SumProblem) -> [UInt8] {
        var function = function
        try blocks(descriptor, file) { bytes in
            function.update(bufferPointer: bytes)
            other?.update(bufferPointer: bytes)
        }
        return Array(function.finalize())
    }

    private static func blocks(
        _ descriptor: Int32, _ file: File, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws(SumProblem) {
        var block = [UInt8](repeating: 0, count: 1 << 20)
        var position = file.offset
        while true {
            if let front = file.front {
                guard front.wait(for: min(file.end, position + Int64(block.count))) else {
                    throw SumProblem(description: "the files could not be read")
                }
            }
            let count = block.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw SumProblem(description: "cannot read \(DisplayName.escape(file.place)): \(SystemError(errno))")
            }
            position += Int64(count)
            block.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }
}

/// How far files have been read, one after the other. Who reads behind it finds everything in the page cache, so that the disk
/// is read once.
package final class ReadFront: Sendable {
    private let position = Atomic<Int64>(0)
    private let hasFailed = Atomic(false)

    package init() {}

    /// - Parameter position: in bytes of all files together.
    package func advance(to position: Int64) { self.position.store(position, ordering: .relaxed) }

    /// Everything has been read, or nothing more will be.
    package func end(failed: Bool) {
        hasFailed.store(failed, ordering: .relaxed)
        position.store(.max, ordering: .releasing)
    }

    /// Blocks until everything before a position has been read.
    /// - Returns: false if it will not be.
    func wait(for position: Int64) -> Bool {
        // The position comes some twenty times a second.
        while self.position.load(ordering: .acquiring) < position { usleep(5_000) }
        return !hasFailed.load(ordering: .relaxed)
    }
}
