import NIOCore
import NIOHTTP1

/// Requests of a connection that wait for the end of an answer, with what came behind them. Begins with a head, or is empty.
///
/// No more is read while any are held, but all requests within what has been read come at once, and behind the end of a client's
/// output all that the system has of it. A request of a few bytes is many times larger when it is decoded. So there is a limit,
/// far above what an honest client sends before it has read an answer.
struct HeldRequests {
    enum Item {
        case part(HTTPServerRequestPart)
        case inputClosed
        case failure(HTTPParserError)
    }

    private var items: CircularBuffer<Item> = []
    private var heads = 0

    private static let (mostHeads, mostParts) = (64, 4_096)

    var isEmpty: Bool { items.isEmpty }
    var first: Item? { items.first }

    /// - Returns: false if there are too many already.
    mutating func append(_ part: HTTPServerRequestPart) -> Bool {
        if case .head = part {
            guard heads < Self.mostHeads else { return false }
            heads += 1
        }
        guard items.count < Self.mostParts else { return false }
        items.append(.part(part))
        return true
    }

    mutating func appendInputClosed() { items.append(.inputClosed) }

    mutating func append(_ error: HTTPParserError) { items.append(.failure(error)) }

    mutating func removeFirst() { if case .part(.head) = items.removeFirst() { heads -= 1 } }

    mutating func removeAll() { self = HeldRequests() }
}
