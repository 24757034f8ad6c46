import Metainfo
import NIOCore

/// A source that can deliver any range of the content: a web server, an object store.
///
/// Its data is not trusted: pieces are verified as usual. The owner of the source decides when to retry after a
/// problem.
package protocol RangeSource: Sendable {
    /// Host and port, for a person. Contains no secrets.
    var host: String { get }

    /// Fetches a range of the content space, in order.
    ///
    /// Padding is delivered as zeros; bytes that belong to no piece are left out. The next chunk is read after the sink
    /// has returned. To stop, the sink returns false or the task is cancelled. Several fetches may run at the same
    /// time.
    nonisolated(nonsending) func fetch(
        _ run: Range<Int64>, sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome
}

extension ContentLayout {
    /// The path of a file, for a person.
    package func name(ofFile file: Int) -> String {
        files.indices.contains(file)
            ? files[file].path.components.map(\.display).joined(separator: "/") : "file \(file)"
    }

    /// Splits a range of the content space into files: delivers padding as zeros and calls `body` for the rest.
    /// - Parameter body: delivers a range of one file; the second argument is its offset in the content space.
    package nonisolated(nonsending) func fetch(
        _ run: Range<Int64>, sink: (WebSeedChunk) async -> Bool,
        body: (FileRange, Int64) async -> WebSeedOutcome
    ) async -> WebSeedOutcome {
        var position = max(0, run.lowerBound)
        var next: Int? = firstFile(after: position)
        while let file = next, file < files.count, files[file].offset < run.upperBound {
            next = fileWithBytes(after: file)
            let entry = files[file]
            let start = max(position, entry.offset)
            let end = min(run.upperBound, entry.end)
            guard start < end else { continue }
            position = start
            let outcome: WebSeedOutcome
            if entry.isPadding {
                outcome = await zeros(start..<end, sink)
            } else {
                let range = FileRange(
                    file: file, fileLength: entry.length, bytes: (start - entry.offset)..<(end - entry.offset))
                outcome = await body(range, start)
            }
            guard outcome == .complete else { return outcome }
            position = end
        }
        return .complete
    }

    /// Index of the first file that ends after `position`. Binary search, because file ends never decrease.
    private func firstFile(after position: Int64) -> Int {
        var low = 0
        var high = files.count
        while low < high {
            let middle = low + (high - low) / 2
            if files[middle].end <= position { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private nonisolated(nonsending) func zeros(
        _ range: Range<Int64>, _ sink: (WebSeedChunk) async -> Bool
    ) async -> WebSeedOutcome {
        var next = range.lowerBound
        while next < range.upperBound {
            let count = Int(min(range.upperBound - next, Int64(zeroBytes.readableBytes)))
            guard let part = zeroBytes.getSlice(at: 0, length: count) else { break }
            guard await sink(WebSeedChunk(offset: next, buffer: part)) else { return .stopped }
            next += Int64(count)
        }
        return .complete
    }
}

private let zeroBytes = ByteBuffer(repeating: 0, count: 64 << 10)
