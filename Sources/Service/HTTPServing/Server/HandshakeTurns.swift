import NIOCore
import NIOTLS
import Synchronization
import Threads

/// Which TLS handshakes a server works on. Thousands of clients that come at once would all wait for each other, and give up
/// together when nearly done: so only some handshakes are under way at a time, and the other connections wait. A client that gives
/// up meanwhile has cost nothing. Whoever came last is next: it has its whole patience before it, while those who came first are
/// about to give up, and work on them would be lost. They come again.
package struct HandshakeTurns: Sendable {
    /// Names a connection.
    package typealias Name = UInt64

    /// Handshakes under way at a time: enough to keep all processors busy where each answer of a client takes 200 ms, and few
    /// enough for all of them to end soon.
    static let most = 64 * Threads.processors
    /// Seconds after which a handshake that does not end makes room for another. It goes on all the same.
    static let patience = 2.0

    private let most: Int
    private var underWay: Set<Name> = []
    private var waiting: [Name: @Sendable () -> Void] = [:]
    /// Names of `waiting` in the order in which they came, and of connections that have left.
    private var order: [Name] = []
    private var last: Name = 0

    package init(most: Int = HandshakeTurns.most) { self.most = most }

    /// A connection wants its handshake.
    /// - Parameter begin: called when its turn has come, if that is not now.
    /// - Returns: its name, and whether its turn has come.
    package mutating func come(_ begin: @escaping @Sendable () -> Void) -> (name: Name, isTurn: Bool) {
        last += 1
        guard underWay.count >= most else {
            underWay.insert(last)
            return (last, true)
        }
        waiting[last] = begin
        order.append(last)
        return (last, false)
    }

    /// A handshake is over, or has had its time, or the connection is closed. May be called again.
    /// - Returns: what begins another's, to be called without a lock.
    package mutating func leave(_ name: Name) -> (@Sendable () -> Void)? {
        defer { if order.count > 2 * waiting.count + 1024 { tidy() } }
        guard underWay.remove(name) != nil else {
            waiting[name] = nil
            return nil
        }
        while let next = order.popLast() {
            guard let begin = waiting.removeValue(forKey: next) else { continue }
            underWay.insert(next)
            return begin
        }
        return nil
    }

    private mutating func tidy() {
        order.removeAll { waiting[$0] == nil }
    }
}

/// The handshakes of one server, for all of its event loops.
final class Handshakes: Sendable {
    /// Tells a connection in the ``Lobby`` that its turn has come.
    struct Turn: Sendable {}

    private let turns = Mutex(HandshakeTurns())

    /// Call on the connection's event loop. A turn that has not come yet comes as the event ``Turn``.
    func come(_ channel: any Channel) -> (name: HandshakeTurns.Name, isTurn: Bool) {
        turns.withLock { $0.come { channel.pipeline.fireUserInboundEventTriggered(Turn()) } }
    }

    func leave(_ name: HandshakeTurns.Name) { turns.withLock { $0.leave(name) }?() }
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
