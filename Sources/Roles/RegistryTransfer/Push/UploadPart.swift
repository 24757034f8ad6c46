import NIOCore
import Synchronization

/// The body of one request: the next `length` bytes of a file.
final class UploadPart: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let reader: BlockReader
    private let length: Int64
    private let meter: PushMeter
    private let index: Int
    private let problem = Mutex<PushError?>(nil)

    init(reader: BlockReader, length: Int64, meter: PushMeter, index: Int) {
        self.reader = reader
        self.length = length
        self.meter = meter
        self.index = index
    }

    /// Why the file could not be read; nil if it could.
    var failure: PushError? { problem.withLock { $0 } }

    func makeAsyncIterator() -> Iterator { Iterator(part: self, left: length) }

    struct Iterator: AsyncIteratorProtocol {
        let part: UploadPart
        var left: Int64

        mutating func next() async throws -> ByteBuffer? {
            guard left > 0 else { return nil }
            do {
                guard let block = try await part.reader.next() else { throw PushError.cancelled }
                left -= Int64(block.readableBytes)
                part.meter.sent(block.readableBytes)
                part.meter.advance(part.index, by: block.readableBytes)
                return block
            } catch let error as PushError {
                part.problem.withLock { $0 = error }
                throw error
            }
        }
    }
}
