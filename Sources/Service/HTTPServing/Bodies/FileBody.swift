import Admission
import Hummingbird
import NIOCore

/// A part of a file as the body of an answer. File and place are held until its last byte is sent.
struct FileBody: Sendable {
    let file: ServedFile
    let range: Range<Int64>
    let limits: HTTPLimits
    let admission: Admission
    let place: RequestPlace

    /// By the system itself where there is a sender and the file system can, else by copying.
    func sent(by sender: FileSender?) -> ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            defer { withExtendedLifetime(place) {} }
            var position = range.lowerBound
            if let sender, file.isLocal { position = try await send(by: sender) }
            if position < range.upperBound { try await copy(from: position, to: &writer) }
            try await writer.finish(nil)
        }
    }

    /// The client's pace decides how much is under way at a time: a slow one is seen to make progress all the same.
    /// - Returns: where the system could not go on.
    private func send(by sender: FileSender) async throws -> Int64 {
        var pace = SlicePace(smallest: limits.fileChunk, largest: limits.fileSlice)
        var position = range.lowerBound
        while position < range.upperBound {
            let slice = FileSlice(
                file: file, range: position..<min(range.upperBound, position + Int64(pace.length)))
            guard try await file.load(slice.range) else { return position }
            let begun = MonotonicTime.now
            try await sender.send(slice)
            pace.sent(in: MonotonicTime.now - begun)
            position = slice.range.upperBound
        }
        return position
    }

    private func copy(from start: Int64, to writer: inout any ResponseBodyWriter) async throws {
        var waiting = UnsentBytes(admission)
        var position = start
        while position < range.upperBound {
            let left = range.upperBound - position
            let isRoom = waiting.reserve(Int(min(left, Int64(limits.fileChunk))))
            let count = Int(min(Int64(isRoom ? limits.fileChunk : limits.smallFileChunk), left))
            // Returns when most of what was written before has been taken.
            try await writer.write(try await file.read(at: position, count: count))
            waiting.wasTaken()
            position += Int64(count)
        }
    }
}

/// How many bytes the system is asked to send at a time: more where they go out at once. Pure.
struct SlicePace: Sendable {
    private let smallest: Int
    private let largest: Int
    /// Bytes.
    private(set) var length: Int

    /// Seconds within which a slice should be sent: far less than the time after which a connection counts as stalled.
    private static let usual = 1.0

    init(smallest: Int, largest: Int) {
        self.smallest = smallest
        self.largest = max(smallest, largest)
        length = smallest
    }

    /// - Parameter seconds: that the last slice took.
    mutating func sent(in seconds: Double) {
        length = seconds < Self.usual ? min(length * 2, largest) : smallest
    }
}
