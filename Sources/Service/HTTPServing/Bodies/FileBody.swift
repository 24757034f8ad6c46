import Admission
import Hummingbird
import NIOCore

/// A part of a file as the body of an answer. File and place are held until its last byte is sent.
package struct FileBody: Sendable {
    let file: ServedFile
    let range: Range<Int64>
    let limits: HTTPLimits
    let admission: Admission
    let place: Admission.RequestTicket

    package init(
        file: ServedFile, range: Range<Int64>, limits: HTTPLimits, admission: Admission, place: Admission.RequestTicket
    ) {
        self.file = file
        self.range = range
        self.limits = limits
        self.admission = admission
        self.place = place
    }

    /// By the system itself where that is possible, else by copying.
    package func sent(by sender: some FileSender) -> ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            defer { withExtendedLifetime(place) {} }
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

    /// The client's pace decides how much is under way at a time: a slow one is seen to make progress all the same.
    /// - Returns: where the system could not go on.
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
            place.progressed(now: now)
            position = slice.upperBound
        }
        return position
    }

    /// One chunk is read while the one before it is sent.
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
                place.progressed(now: MonotonicTime.now)
            }
            waiting.wasTaken()
            before = sender.send(.bytes(bytes))
            position += Int64(count)
        }
        try await before?.get()
    }
}

/// How many bytes the system is asked to send at a time: more where they go out at once. Pure.
package struct SlicePace: Sendable {
    private let smallest: Int
    private let largest: Int
    /// Bytes.
    package private(set) var length: Int

    /// Seconds within which a slice should be sent: far less than the time after which a connection counts as stalled.
    private static let usual = 1.0

    package init(smallest: Int, largest: Int) {
        self.smallest = smallest
        self.largest = max(smallest, largest)
        length = smallest
    }

    /// - Parameter seconds: that the last slice took.
    package mutating func sent(in seconds: Double) {
        length = seconds < Self.usual ? min(length * 2, largest) : smallest
    }
}
