import Admission
import Hummingbird
import NIOCore

/// A part of a file as the body of an answer. The file and the places are held until the last byte has been sent.
package struct FileBody: Sendable {
    let file: ServedFile
    let range: Range<Int64>
    let limits: HTTPLimits
    let admission: Admission
    let place: Admission.RequestTicket
    /// A second place, of another budget.
    let other: Admission.RequestTicket?

    package init(
        file: ServedFile, range: Range<Int64>, limits: HTTPLimits, admission: Admission,
        place: Admission.RequestTicket, other: Admission.RequestTicket? = nil
    ) {
        self.file = file
        self.range = range
        self.limits = limits
        self.admission = admission
        self.place = place
        self.other = other
    }

    /// Sends with sendfile(2) if possible, else by reading and writing.
    package func sent(by sender: some FileSender) -> ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            defer { withExtendedLifetime((place, other)) {} }
            try await withTaskCancellationHandler {
                var position = range.lowerBound
                if sender.sendsSlices, file.isLocal { position = try await slices(by: sender) }
                if position < range.upperBound { try await copies(from: position, by: sender) }
            } onCancel: {
                sender.cancel()
            }
            try await writer.finish(nil)
        }
    }

    /// Sends with sendfile. The size of a slice depends on the client's speed, so that even a slow client makes
    /// progress often enough.
    /// - Returns: the position up to which sendfile was possible.
    private func slices(by sender: some FileSender) async throws -> Int64 {
        var pace = SlicePace(smallest: limits.fileChunk, largest: limits.fileSlice)
        var position = range.lowerBound
        while position < range.upperBound {
            let slice = position..<min(range.upperBound, position + Int64(pace.length))
            guard try await file.load(slice) else { return position }
            let begun = MonotonicTime.now
            try await sender.send(.slice(file, slice)).get()
            let now = MonotonicTime.now
            pace.sent(in: now - begun)
            progressed(now: now)
            position = slice.upperBound
        }
        return position
    }

    private func progressed(now: Double) {
        place.progressed(now: now)
        other?.progressed(now: now)
    }

    /// Reads and sends chunks. A chunk is read while the one before it is being sent.
    private func copies(from start: Int64, by sender: some FileSender) async throws {
        var waiting = UnsentBytes(admission)
        var before: EventLoopFuture<Void>?
        var position = start
        while position < range.upperBound {
            let left = range.upperBound - position
            let isRoom = waiting.reserve(Int(min(left, Int64(limits.fileChunk))))
            let count = Int(min(Int64(isRoom ? limits.fileChunk : limits.smallFileChunk), left))
            let bytes = try await file.read(at: position, count: count)
            if let before {
                try await before.get()
                progressed(now: MonotonicTime.now)
            }
            waiting.wasTaken()
            before = sender.send(.bytes(bytes))
            position += Int64(count)
        }
        try await before?.get()
    }
}

/// The number of bytes for one call of sendfile: larger if the last slice was sent quickly. Pure.
package struct SlicePace: Sendable {
    private let smallest: Int
    private let largest: Int
    /// Length of the next slice, in bytes.
    package private(set) var length: Int

    /// Maximum seconds that a slice should take. Much less than the time after which a connection counts as stalled.
    private static let usual = 1.0

    package init(smallest: Int, largest: Int) {
        self.smallest = smallest
        self.largest = max(smallest, largest)
        length = smallest
    }

    /// - Parameter seconds: duration of the last slice.
    package mutating func sent(in seconds: Double) {
        length = seconds < Self.usual ? min(length * 2, largest) : smallest
    }
}
