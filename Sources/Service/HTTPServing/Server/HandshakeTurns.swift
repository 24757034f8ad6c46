import Admission
import NIOCore
import NIOTLS
import Synchronization
import Threads

/// Which TLS handshakes a server works on. Thousands of clients that come at once would all wait for each other, and give up
/// together when nearly done: so only some handshakes are under way at a time, and the other connections wait. A client that gives
/// up meanwhile has cost nothing. Whoever came last is next: it has its whole patience before it, while those who came first are
/// about to give up, and work on them would be lost. They come again.
///
/// One source that opens connections all the time would so be next all the time. So a source that has its share of the turns
/// gets no further one while another source without its share waits. A source alone may have all.
///
/// Invariants: a source is in `sources` as long as it has turns or waits; `below` and `above` hold exactly the last name of each
/// source that waits, by whether it has less than its share. All lists of names are in the order in which they came.
package struct HandshakeTurns: Sendable {
    /// Names a connection.
    package typealias Name = UInt64

    /// Handshakes under way at a time: enough to keep all processors busy where each answer of a client takes 200 ms, and few
    /// enough for all of them to end soon.
    package static let most = 64 * Threads.processors
    /// Seconds after which a handshake that does not end makes room for another. It goes on all the same.
    static let patience = 2.0

    private struct Client {
        /// Handshakes under way.
        var turns = 0
        var waiting: [Name] = []
    }

    private let most: Int
    /// Turns of one source up to which it is not passed over.
    private let share: Int
    private var underWay: [Name: Source] = [:]
    private var waiting: [Name: (source: Source, begin: @Sendable () -> Void)] = [:]
    private var sources: [Source: Client] = [:]
    private var below: [Name] = []
    private var above: [Name] = []
    private var last: Name = 0

    package init(most: Int = HandshakeTurns.most) {
        self.most = most
        share = max(4, most / 8)
    }

    /// Sources that are remembered, for tests.
    package var sourceCount: Int { sources.count }

    /// A connection wants its handshake.
    /// - Parameter begin: called when its turn has come, if that is not now.
    /// - Returns: its name, and whether its turn has come.
    package mutating func come(
        from source: Source, _ begin: @escaping @Sendable () -> Void
    ) -> (name: Name, isTurn: Bool) {
        last += 1
        let name = last
        guard underWay.count >= most else {
            underWay[name] = source
            change(source) { $0.turns += 1 }
            return (name, true)
        }
        waiting[name] = (source, begin)
        change(source) { $0.waiting.append(name) }
        return (name, false)
    }

    /// A handshake is over, or has had its time, or the connection is closed. May be called again.
    /// - Returns: what begins another's, to be called without a lock.
    package mutating func leave(_ name: Name) -> (@Sendable () -> Void)? {
        guard let source = underWay.removeValue(forKey: name) else {
            guard let source = waiting.removeValue(forKey: name)?.source else { return nil }
            change(source) { Self.remove(name, from: &$0.waiting) }
            return nil
        }
        change(source) { $0.turns -= 1 }
        guard let next = below.last ?? above.last, let chosen = waiting.removeValue(forKey: next) else { return nil }
        underWay[next] = chosen.source
        change(chosen.source) {
            Self.remove(next, from: &$0.waiting)
            $0.turns += 1
        }
        return chosen.begin
    }

    /// Changes what a source has, and its place in `below` or `above`.
    private mutating func change(_ source: Source, _ body: (inout Client) -> Void) {
        // Taken out for the change: a second reference would have the list of names copied.
        var client = sources.removeValue(forKey: source) ?? Client()
        if let name = client.waiting.last {
            if client.turns < share { Self.remove(name, from: &below) } else { Self.remove(name, from: &above) }
        }
        body(&client)
        if let name = client.waiting.last {
            if client.turns < share { Self.insert(name, in: &below) } else { Self.insert(name, in: &above) }
        }
        if client.turns > 0 || !client.waiting.isEmpty { sources[source] = client }
    }

    // MARK: Lists in rising order

    /// The place of a name, or where it would be. Most are near the end, and few names move for them.
    private static func place(of name: Name, in names: [Name]) -> Int {
        var (low, high) = (0, names.count)
        while low < high {
            let middle = (low + high) / 2
            if names[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func insert(_ name: Name, in names: inout [Name]) {
        names.insert(name, at: place(of: name, in: names))
    }

    private static func remove(_ name: Name, from names: inout [Name]) {
        let place = place(of: name, in: names)
        if place < names.count, names[place] == name { names.remove(at: place) }
    }
}

/// The handshakes of one server, for all of its event loops.
package final class Handshakes: Sendable {
    /// Tells a connection in the ``Lobby`` that its turn has come.
    package struct Turn: Sendable {}

    private let turns: Mutex<HandshakeTurns>

    package init(most: Int = HandshakeTurns.most) { turns = Mutex(HandshakeTurns(most: most)) }

    /// Call on the connection's event loop. A turn that has not come yet comes as the event ``Turn``.
    package func come(_ channel: any Channel) -> (name: HandshakeTurns.Name, isTurn: Bool) {
        let source = Source(channel.remoteAddress)
        return turns.withLock {
            $0.come(from: source) {
                // Not at once: a handshake that fails at its first bytes leaves within this call, and so would the next,
                // one inside the other, as many as wait.
                channel.eventLoop.execute { channel.pipeline.fireUserInboundEventTriggered(Turn()) }
            }
        }
    }

    package func leave(_ name: HandshakeTurns.Name) { turns.withLock { $0.leave(name) }?() }
}

/// Ends a connection's turn when its handshake is over. Behind the TLS handler.
final class HandshakeEnd: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let handshakes: Handshakes
    private let name: HandshakeTurns.Name

    init(_ handshakes: Handshakes, _ name: HandshakeTurns.Name) {
        self.handshakes = handshakes
        self.name = name
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { handshakes.leave(name) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        handshakes.leave(name)
        context.fireChannelInactive()
    }
}
