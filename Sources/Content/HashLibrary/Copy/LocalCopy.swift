import Glibc
import Hashing
import Storage
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

/// One copy, from opening the source to the final rename.
struct CopyJob {
    private let layer: any FileLayer
    private let stop: StopFlag
    private let methods: [LocalCopy.Method]
    private let progress: @Sendable (Int) -> Void
    private let source: Descriptor
    private let size: Int64
    private let directory: Descriptor
    private let name: FileName
    private let temporary: FileName
    private let copy: Descriptor

    init(
        from source: AbsolutePath, to target: AbsolutePath, layer: any FileLayer, stop: StopFlag,
        methods: [LocalCopy.Method], progress: @escaping @Sendable (Int) -> Void
    ) throws(LocalCopyError) {
        guard let sourceName = FileName(source.name), let name = FileName(target.name) else { throw .noSource }
        self.layer = layer
        self.stop = stop
        self.methods = methods
        self.progress = progress
        self.name = name
        let access = DirectoryAccess(layer: layer)
        let opened: (Descriptor, FileStatus)
        do throws(SystemError) {
            let parent = try access.open(source.parent)
            defer { layer.close(parent) }
            let descriptor = try layer.open(sourceName, in: parent, [])
            do throws(SystemError) { opened = (descriptor, try layer.status(descriptor)) } catch {
                layer.close(descriptor)
                throw error
            }
        } catch {
            switch error.number {
            case ENOENT, ENOTDIR, ELOOP, ENXIO: throw .noSource
            default: throw .source(error)
            }
        }
        guard opened.1.kind == .file else {
            layer.close(opened.0)
            throw .noSource
        }
        self.source = opened.0
        size = opened.1.size
        do throws(SystemError) {
            directory = try access.open(target.parent, creating: true)
        } catch {
            layer.close(opened.0)
            throw .target(error)
        }
        do throws(SystemError) {
            (temporary, copy) = try Self.makeTemporary(in: directory, layer)
        } catch {
            layer.close(opened.0)
            layer.close(directory)
            throw .target(error)
        }
    }

    private static func makeTemporary(
        in directory: Descriptor, _ layer: any FileLayer
    ) throws(SystemError) -> (FileName, Descriptor) {
        while true {
            let number = String(UInt64.random(in: .min ... .max), radix: 36)
            guard let name = FileName(".swoop-copy-\(number)") else { throw SystemError(EINVAL) }
            do throws(SystemError) {
                return (name, try layer.open(name, in: directory, [.write, .create, .exclusive]))
            } catch  where error.number == EEXIST {}
        }
    }

    /// Copies, verifies and renames. On failure, the copy is removed.
    func run(expecting sha1: SHA1Digest) throws(LocalCopyError) -> LocalCopy.Method {
        defer {
            layer.close(copy)
            layer.close(source)
            layer.close(directory)
        }
        do throws(LocalCopyError) {
            let method = try transfer()
            let found = try digest()
            guard found == sha1 else { throw .wrongContent(found: found) }
            do throws(SystemError) {
                try layer.synchronize(copy, dataOnly: false)
                try layer.rename(temporary, in: directory, to: name, in: directory, .replace)
                try layer.synchronize(directory, dataOnly: false)
            } catch {
                throw .target(error)
            }
            return method
        } catch {
            try? layer.remove(temporary, in: directory, isDirectory: false)
            throw error
        }
    }

    private func transfer() throws(LocalCopyError) -> LocalCopy.Method {
        if methods.contains(.reflink), (try? layer.clone(source, to: copy)) != nil {
            progress(Int(clamping: size))
            return .reflink
        }
        do throws(SystemError) { try layer.truncate(copy, to: size) } catch { throw .target(error) }
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
                    let count = (try? layer.copy(source, from: position, to: copy, at: position, length: length)) ?? 0
                    // The call was refused (other file systems, old kernels), or copied nothing without an error, as on
                    // some file systems.
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

    /// The next part of the source that contains data; if that is unknown, the whole rest.
    private func nextExtent(from position: Int64) -> Range<Int64>? {
        do throws(SystemError) {
            guard let begin = try layer.nextData(source, from: position), begin < size else { return nil }
            let end = try layer.nextHole(source, from: begin) ?? size
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
        do throws(SystemError) { count = try layer.read(source, into: part, at: position) } catch {
            throw .source(error)
        }
        // The source was truncated meanwhile. The digest would show it too, but this avoids writing zeros.
        guard count == length else { throw .noSource }
        do throws(SystemError) {
            try layer.write(copy, UnsafeRawBufferPointer(part), at: position)
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
            do throws(SystemError) { count = try layer.read(copy, into: buffer, at: position) } catch {
                throw .target(error)
            }
            stream.update([UnsafeRawBufferPointer(rebasing: buffer[..<count])])
            progress(count)
            position += Int64(count)
            if count < buffer.count { return stream.finish(0) ?? .zero }
        }
    }
}
