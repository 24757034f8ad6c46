import Files
import Glibc
import Hashing
import Threads

/// Why a copy failed. Nothing is left behind.
package enum LocalCopyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The source has other content than requested.
    case wrongContent(found: SHA1Digest)
    /// The source is gone, or not a regular file.
    case noSource
    case cancelled
    case source(SystemError)
    case target(SystemError)

    package var description: String {
        switch self {
        case .wrongContent(let found): "The file's content is not what it was: its SHA-1 is \(found)."
        case .noSource: "The file is not there any more."
        case .cancelled: "Stopped on request."
        case .source(let error): "The file here cannot be read: \(error)."
        case .target(let error): "The copy cannot be written: \(error)."
        }
    }
}

/// Copies local files instead of downloading them: shares blocks if the file system can (reflink), else copies in the
/// kernel, else reads and writes. Holes are kept. The copy is verified by its hash, then renamed to its final name
/// atomically and durably.
package enum LocalCopy {
    package enum Method: Sendable, Equatable, CaseIterable { case reflink, kernel, readWrite }

    /// Bytes copied between two checks for cancellation.
    static let stepBytes = 64 << 20
    static let blockBytes = 1 << 20

    /// Copies on a thread of its own. Cancelling the task stops it.
    /// - Parameters:
    ///   - target: replaced if it exists. Missing directories above it are created.
    ///   - progress: bytes done since the last call; in total at most twice the size, for copying and hashing.
    /// - Returns: the method that was used.
    @discardableResult
    package static func copy(
        from source: AbsolutePath, to target: AbsolutePath, expecting sha1: SHA1Digest,
        layer: any FileLayer = SystemFileLayer(), progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws(LocalCopyError) -> Method {
        let stop = StopFlag()
        let result = await withTaskCancellationHandler {
            await Threads.offload(name: "swoop-copy") { () -> Result<Method, LocalCopyError> in
                do throws(LocalCopyError) {
                    let job = try CopyJob(
                        from: source, to: target, layer: layer, stop: stop, methods: Method.allCases,
                        progress: progress)
                    return .success(try job.run(expecting: sha1))
                } catch {
                    return .failure(error)
                }
            }
        } onCancel: {
            stop.set()
        }
        return try result.get()
    }
}

/// One copy, from opening to naming.
package struct CopyJob: ~Copyable {
    private let layer: any FileLayer
    private let stop: StopFlag
    private let methods: [LocalCopy.Method]
    private let progress: @Sendable (Int) -> Void
    private let source: HeldFile
    private let size: Int64
    private var copy: AtomicFile

    package init(
        from source: AbsolutePath, to target: AbsolutePath, layer: any FileLayer, stop: StopFlag,
        methods: [LocalCopy.Method], progress: @escaping @Sendable (Int) -> Void
    ) throws(LocalCopyError) {
        guard let sourceName = FileName(source.name), let name = FileName(target.name) else { throw .noSource }
        let (opened, status): (HeldFile, FileStatus)
        do throws(SystemError) {
            opened = try HeldDirectory.open(source.parent.system, layer: layer).open(sourceName)
            status = try opened.status()
        } catch {
            switch error.number {
            case ENOENT, ENOTDIR, ELOOP, ENXIO: throw .noSource
            default: throw .source(error)
            }
        }
        guard status.kind == .file else { throw .noSource }
        let new = try Self.begin(name, in: target.parent, layer)
        self.layer = layer
        self.stop = stop
        self.methods = methods
        self.progress = progress
        self.source = opened
        size = status.size
        copy = new
    }

    private static func begin(
        _ name: FileName, in directory: AbsolutePath, _ layer: any FileLayer
    ) throws(LocalCopyError) -> AtomicFile {
        do throws(SystemError) {
            let directory = try HeldDirectory.open(directory.system, creating: true, layer: layer)
            // It is read again before it gets its name.
            return try directory.replacement(name, temporary: .random(prefix: ".swoop-copy-"), .write)
        } catch {
            throw .target(error)
        }
    }

    /// Copies, verifies and names; whatever fails, no copy is left.
    package consuming func run(expecting sha1: SHA1Digest) throws(LocalCopyError) -> LocalCopy.Method {
        let method = try transfer()
        let found = try digest()
        guard found == sha1 else { throw .wrongContent(found: found) }
        do throws(SystemError) { try copy.commit() } catch { throw .target(error) }
        return method
    }

    private func transfer() throws(LocalCopyError) -> LocalCopy.Method {
        if methods.contains(.reflink), (try? layer.clone(source.descriptor, to: copy.descriptor)) != nil {
            progress(Int(clamping: size))
            return .reflink
        }
        do throws(SystemError) { try layer.truncate(copy.descriptor, to: size) } catch { throw .target(error) }
        var usesKernel = methods.contains(.kernel)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LocalCopy.blockBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        // Only data is copied: parts of the truncated target that are not written are holes.
        while position < size, let extent = nextExtent(from: position) {
            position = extent.lowerBound
            while position < extent.upperBound {
                if stop.isSet { throw .cancelled }
                let left = extent.upperBound - position
                if usesKernel {
                    let length = Int(min(Int64(LocalCopy.stepBytes), left))
                    let count = (try? copyInKernel(at: position, length: length)) ?? 0
                    // Refused (other file systems, old kernels) or, as some file systems do, nothing without an error.
                    if count <= 0 { usesKernel = false }
                    position += Int64(max(0, count))
                    progress(max(0, count))
                } else {
                    position += Int64(try block(at: position, length: Int(min(Int64(buffer.count), left)), buffer))
                }
            }
        }
        return usesKernel ? .kernel : .readWrite
    }

    private func copyInKernel(at position: Int64, length: Int) throws(SystemError) -> Int {
        try layer.copy(source.descriptor, from: position, to: copy.descriptor, at: position, length: length)
    }

    /// The next part of the source that has data; where that is not known, all the rest.
    private func nextExtent(from position: Int64) -> Range<Int64>? {
        do throws(SystemError) {
            guard let begin = try layer.nextData(source.descriptor, from: position), begin < size else { return nil }
            let end = try layer.nextHole(source.descriptor, from: begin) ?? size
            return begin..<max(begin, min(end, size))
        } catch {
            return position..<size
        }
    }

    private func block(
        at position: Int64, length: Int, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(LocalCopyError) -> Int {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<length])
        let count: Int
        do throws(SystemError) { count = try source.read(into: part, at: position) } catch {
            throw .source(error)
        }
        // The source was truncated meanwhile. The digest would show it too, but this avoids writing zeros.
        guard count == length else { throw .noSource }
        do throws(SystemError) {
            try layer.write(copy.descriptor, UnsafeRawBufferPointer(part), at: position)
        } catch {
            throw .target(error)
        }
        progress(count)
        return count
    }

    /// The digest of the copy as it is now.
    private func digest() throws(LocalCopyError) -> SHA1Digest {
        var stream = SHA1Streams(laneCount: 1)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LocalCopy.blockBytes, alignment: 4096)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        while true {
            if stop.isSet { throw .cancelled }
            let count: Int
            do throws(SystemError) { count = try layer.read(copy.descriptor, into: buffer, at: position) } catch {
                throw .target(error)
            }
            stream.update([UnsafeRawBufferPointer(rebasing: buffer[..<count])])
            progress(count)
            position += Int64(count)
            if count < buffer.count { return stream.finish(0) ?? .zero }
        }
    }
}
