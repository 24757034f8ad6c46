import Backends
import BlobNode
import Blobs
import Files
import Glibc
import HTTPTransport
import Hashing
import Metainfo
import NIOCore
import Registry
import Synchronization
import Threads

/// Reads one blob from a back end into the host's directory: ranges in parallel, which are hashed in order as they are
/// completed.
struct ColdRead: Sendable {
    let digest: BlobDigest
    let size: Int64
    let backend: Backend
    let node: BlobNode
    let settings: ColdSettings
    let clock: ColdClock

    private static let directoryName = FileName(own: "cold")

    static func removeLeftovers(in path: String) {
        guard let directory = try? HeldDirectory.open(SystemPath(path)), (try? directory.status(directoryName)) != nil
        else { return }
        try? directory.removeTree(directoryName)
    }

    /// Reads, verifies and publishes the blob.
    /// - Parameter progress: called with the number of bytes of each part that is written.
    /// - Throws: `wrong` where the bytes have another digest; `disk` where there is no space; else the back end's problem.
    func run(_ progress: @escaping @Sendable (Int64) async -> Void) async throws(BackendProblem) {
        let (path, name) = ("\(node.directory.path)/cold", FileName(checked: Array(digest.hex.utf8)[...]))
        let (size, spare) = (size, settings.spareBytes)
        let hasRoom = try await disk { [node] in try node.directory.freeSpace() >= size + spare }
        if !hasRoom { await node.makeRoom(for: size + spare) }
        let place = try await disk { [node] in
            guard try node.directory.freeSpace() >= size + spare else { throw SystemError(ENOSPC) }
            let place = try HeldDirectory.open(SystemPath(path), creating: true)
            return (place, try place.open(name, [.write, .create, .truncate]))
        }
        do throws(BackendProblem) {
            let result = try await receive(into: place.1, progress).finish()
            guard result.digest == digest.sha256 else {
                throw BackendProblem(
                    .wrong, "what \(backend.label) has as \(digest) has another digest: it was refused")
            }
            let info = try? result.info()
            // Until the catalogue has it, a removal that is under way would take the file with it.
            let lease = node.catalogue.reserve(digest.sha256)
            defer { withExtendedLifetime(lease) {} }
            try await disk { [node, digest] in
                try place.1.synchronize()
                try node.directory.publish(name, in: place.0, as: digest.sha256, info: info?.info.bytes)
            }
            node.catalogue.add(digest.sha256, info, usedAt: clock.now())
        } catch {
            await Threads.offload { _ = try? place.0.removeFile(name) }
            throw error
        }
    }

    private func receive(
        into file: HeldFile, _ progress: @escaping @Sendable (Int64) async -> Void
    ) async throws(BackendProblem) -> BlobHasher {
        let length = max(1, settings.rangeBytes)
        let count = Int((size + length - 1) / length)
        func range(_ index: Int) -> Range<Int64> { Int64(index) * length..<min(size, Int64(index + 1) * length) }
        let outcome: Result<BlobHasher, BackendProblem> = await withTaskGroup(
            of: Result<Int, BackendProblem>.self
        ) { group in
            var next = 0
            func startOne() {
                guard next < count else { return }
                let (index, bytes) = (next, range(next))
                next += 1
                group.addTask {
                    do throws(BackendProblem) {
                        try await self.receive(bytes, into: file, progress)
                        return .success(index)
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<max(1, settings.ranges) { startOne() }
            var hasher = BlobHasher(lengths: node.directory.pieceLengths, length: size)
            var whole: Set<Int> = []
            var hashed = 0
            while let result = await group.next() {
                switch result {
                case .failure(let problem):
                    group.cancelAll()
                    return .failure(problem)
                case .success(let index): whole.insert(index)
                }
                startOne()
                while whole.remove(hashed) != nil {
                    let (bytes, begun) = (range(hashed), hasher)
                    do throws(BackendProblem) {
                        hasher = try await disk { try Self.hash(file, bytes, begun) }
                    } catch {
                        group.cancelAll()
                        return .failure(error)
                    }
                    hashed += 1
                }
            }
            return .success(hasher)
        }
        if Task.isCancelled { throw BackendProblem(.cancelled, "cancelled") }
        return try outcome.get()
    }

    /// Reads one range. A read that breaks off is resumed at the byte that it reached.
    private func receive(
        _ range: Range<Int64>, into file: HeldFile, _ progress: @escaping @Sendable (Int64) async -> Void
    ) async throws(BackendProblem) {
        let reached = Atomic<Int64>(range.lowerBound)
        var failures = 0
        while true {
            let start = reached.load(ordering: .acquiring)
            guard start < range.upperBound else { return }
            do throws(BackendProblem) {
                try await backend.read(digest, size: size, range: start..<range.upperBound) {
                    (bytes, offset) async throws(BackendProblem) in
                    let end = offset + Int64(bytes.readableBytes)
                    guard offset == reached.load(ordering: .acquiring), end <= range.upperBound else {
                        throw BackendProblem(.wrong, "\(backend.label) sends other bytes than it was asked for")
                    }
                    try await disk {
                        try bytes.withUnsafeReadableBytes { part throws(SystemError) in try file.write(part, at: offset)
                        }
                    }
                    reached.store(end, ordering: .releasing)
                    await progress(end - offset)
                }
            } catch {
                failures = reached.load(ordering: .acquiring) > start ? 1 : failures + 1
                guard error.kind == .unavailable, failures < settings.rangeTries, !Task.isCancelled else { throw error }
                await clock.sleep(settings.backoff.pause(afterFailures: failures))
            }
        }
    }

    private static func hash(_ file: HeldFile, _ range: Range<Int64>, _ begun: BlobHasher) throws -> BlobHasher {
        var hasher = begun
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let wanted = Int(min(Int64(buffer.count), range.upperBound - offset))
            let got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: offset)
            guard got > 0 else { throw SystemError.input }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
            offset += Int64(got)
        }
        return hasher
    }

    /// Runs file operations on a thread that may block, outside of Swift's cooperative pool.
    private func disk<Value: Sendable>(
        _ work: @escaping @Sendable () throws -> Value
    ) async throws(BackendProblem) -> Value {
        do {
            return try await BlockingWork.run(work)
        } catch let error as SystemError {
            throw BackendProblem(.disk, error.isFull ? "no space is left here for \(digest)" : "\(digest): \(error)")
        } catch {
            throw BackendProblem(.cancelled, "cancelled")
        }
    }
}
