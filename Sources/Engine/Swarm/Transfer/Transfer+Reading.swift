import Metainfo
import SwarmCore

/// Reading content while it arrives.
extension Transfer {
    /// A reader of a transfer, by its number.
    package struct ReaderID: Hashable, Sendable {
        let value: UInt64

        package init() { value = UInt64.random(in: .min ... .max) }
    }

    /// Waits until the first byte of a range of the content is verified and written. The pieces of the range are fetched before
    /// those that nobody reads.
    /// - Parameter range: what the reader has still to read, as offsets into the content as a whole; not empty.
    /// - Returns: the end of what is there from the first byte on, at most that of the range; nil when the transfer has stopped,
    ///   or the reader's task was cancelled.
    package func available(_ range: Range<Int64>, for reader: ReaderID) async -> Int64? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard readers.wait(for: range, reader, continuation) else { return }
                change { $0.lookForReaders() }
            }
        } onCancel: {
            Task { await self.endReading(reader) }
        }
    }

    /// Whether somebody reads.
    var isRead: Bool { !readers.isEmpty }

    /// A reader needs nothing more.
    package func endReading(_ reader: ReaderID) {
        guard readers.remove(reader) else { return }
        change { $0.lookForReaders() }
    }
}

extension TorrentEngine {
    func lookForReaders() { if let readers { stored(for: readers) } }

    /// Answers those who wait for what is there now, and fetches first what they need next.
    func stored(for readers: ContentReaders) {
        let (layout, have) = (info.layout, machine.have)
        readers.answer(pieceLength: layout.pieceLength, pieceCount: layout.pieceCount) { have.contains($0) }
        let urgent = readers.urgent(pieceLength: layout.pieceLength, pieceCount: layout.pieceCount) {
            !have.contains($0)
        }
        machine.setUrgent(urgent, now: context.loop.now)
    }
}

/// Those who read a transfer's content while it arrives. Lives on the loop.
final class ContentReaders {
    private struct Reader {
        var range: Range<Int64>
        var waiter: CheckedContinuation<Int64?, Never>?
    }

    private var readers: [Transfer.ReaderID: Reader] = [:]
    private var isOver = false

    var isEmpty: Bool { readers.isEmpty }

    /// - Returns: false when it was answered at once, as nothing will come any more.
    func wait(
        for range: Range<Int64>, _ id: Transfer.ReaderID, _ waiter: CheckedContinuation<Int64?, Never>
    ) -> Bool {
        guard !isOver, !range.isEmpty, range.lowerBound >= 0, readers[id]?.waiter == nil else {
            waiter.resume(returning: nil)
            return false
        }
        readers[id] = Reader(range: range, waiter: waiter)
        return true
    }

    /// - Returns: whether there was such a reader.
    func remove(_ id: Transfer.ReaderID) -> Bool {
        guard let reader = readers.removeValue(forKey: id) else { return false }
        reader.waiter?.resume(returning: nil)
        return true
    }

    /// Nothing comes any more.
    func end() {
        isOver = true
        let all = readers.values.compactMap(\.waiter)
        readers = [:]
        for waiter in all { waiter.resume(returning: nil) }
    }

    func answer(pieceLength: Int, pieceCount: Int, has: (Int) -> Bool) {
        for (id, reader) in readers {
            guard let waiter = reader.waiter else { continue }
            let first = Int(clamping: reader.range.lowerBound / Int64(pieceLength))
            var next = first
            // A reader comes back for more: so many at a time are enough.
            while next < pieceCount, next - first < 64, Int64(next) * Int64(pieceLength) < reader.range.upperBound,
                has(next)
            {
                next += 1
            }
            guard next > first else { continue }
            let end = min(reader.range.upperBound, Int64(next) * Int64(pieceLength))
            readers[id]?.waiter = nil
            readers[id]?.range = end..<reader.range.upperBound
            waiter.resume(returning: end)
        }
    }

    func urgent(pieceLength: Int, pieceCount: Int, isMissing: (Int) -> Bool) -> [Int] {
        var ahead = ReadAhead()
        for (id, reader) in readers where !reader.range.isEmpty {
            let first = Int(clamping: reader.range.lowerBound / Int64(pieceLength))
            let last = Int(clamping: (reader.range.upperBound - 1) / Int64(pieceLength))
            guard first < pieceCount else { continue }
            ahead.set(id.value, first..<min(pieceCount, last + 1))
        }
        return ahead.urgent(isMissing: isMissing)
    }
}
