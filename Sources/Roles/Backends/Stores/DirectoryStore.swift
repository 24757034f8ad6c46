import Files
import HTTPTransport
import NIOCore
import Synchronization

/// Tells a thread that its task was cancelled.
private final class StopMark: Sendable {
    private let mark = Atomic(false)
    var isSet: Bool { mark.load(ordering: .relaxed) }
    func set() { mark.store(true, ordering: .relaxed) }
}

/// A back end that is a directory of this host, local or mounted.
package struct DirectoryStore: BackendStore {
    private let tree: FileTree

    private static let blockBytes = 1 << 20
    private static let pagePaths = 1_000

    package init(path: String) throws(BackendProblem) {
        do throws(SystemError) { tree = try FileTree(path: path) } catch { throw Self.problem(path, error) }
    }

    package var isWritable: Bool { true }
    package var description: String { "file://\(tree.path)" }

    package func size(of path: BackendPath) async throws(BackendProblem) -> Int64? {
        try await blocking { tree in try tree.size(of: path) }
    }

    package nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        guard let file = try await blocking({ tree in try tree.open(path) }) else {
            throw BackendProblem(.missing, "\(self) has no \(path)")
        }
        var offset = range.lowerBound
        while offset < range.upperBound {
            let (start, count) = (offset, Int(min(Int64(Self.blockBytes), range.upperBound - offset)))
            let part = try await blocking { _ in try Self.read(file, count, at: start) }
            guard part.readableBytes > 0 else { throw BackendProblem(.wrong, "\(self): \(path) became shorter") }
            offset += Int64(part.readableBytes)
            try await sink(part, start)
        }
    }

    private static func read(_ file: HeldFile, _ count: Int, at offset: Int64) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
            try file.read(into: UnsafeMutableRawBufferPointer(rebasing: room[..<count]), at: offset)
        }
        return buffer
    }

    package func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        let stop = StopMark()
        let copy: @Sendable (FileTree) throws -> Void = { tree in
            let source = try HeldFile(SystemPath(file), .followSymlink)
            let target = try tree.replacement(for: path)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 64)
            defer { buffer.deallocate() }
            let size = try source.status().size
            var offset: Int64 = 0
            while offset < size {
                let got = try source.read(into: buffer, at: offset)
                guard got > 0 else { throw BackendProblem(.disk, "\(file) became shorter") }
                if stop.isSet { throw BackendProblem(.cancelled, "cancelled") }
                try target.append(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
                offset += Int64(got)
            }
            try target.commit()
        }
        let outcome = await withTaskCancellationHandler { () -> Result<Void, BackendProblem> in
            do throws(BackendProblem) { return .success(try await blocking(copy)) } catch { return .failure(error) }
        } onCancel: {
            stop.set()
        }
        try outcome.get()
    }

    package func list(
        below directory: BackendPath?, _ body: ([String]) async -> Void
    ) async throws(BackendProblem) {
        let paths = try await blocking { tree in
            var paths: [String] = []
            try tree.forEach(below: directory) { paths.append($0) }
            return paths
        }
        for start in stride(from: 0, to: paths.count, by: Self.pagePaths) {
            await body(Array(paths[start..<min(paths.count, start + Self.pagePaths)]))
        }
    }

    private func blocking<Value: Sendable>(
        _ work: @escaping @Sendable (FileTree) throws -> Value
    ) async throws(BackendProblem) -> Value {
        let tree = tree
        do {
            return try await BlockingWork.run { try work(tree) }
        } catch let error as BackendProblem {
            throw error
        } catch let error as SystemError {
            throw Self.problem(tree.path, error)
        } catch {
            throw BackendProblem(.cancelled, "cancelled")
        }
    }

    private static func problem(_ path: String, _ error: SystemError) -> BackendProblem {
        BackendProblem(.disk, "the back end at \(path): \(error)")
    }
}
