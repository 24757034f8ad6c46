import PeerWire
@testable import Swarm
import Testing

@Suite struct `Messages that wait for a peer` {
    private func bytes(_ messages: [Message]) -> [UInt8] {
        var bytes: [UInt8] = []
        for message in messages { #expect(message.encode(into: &bytes, ids: ExtensionIDs())) }
        return bytes
    }

    @Test(arguments: [1, 7, 40_000]) func `are sent in order, in portions of any size`(portion: Int) {
        let messages = (0..<20_000).map { Message.have(UInt32($0)) }
        var outbox = Outbox()
        var sent: [UInt8] = []
        for message in messages {
            _ = outbox.add(message, ids: ExtensionIDs())
            guard outbox.waiting > 50_000 else { continue }
            send(portion, &outbox, &sent)
        }
        while !outbox.isEmpty { send(portion, &outbox, &sent) }
        #expect(sent == bytes(messages))
    }

    private func send(_ portion: Int, _ outbox: inout Outbox, _ sent: inout [UInt8]) {
        let count = outbox.withWaiting { waiting in
            sent.append(contentsOf: waiting.prefix(portion))
            return min(portion, waiting.count)
        }
        outbox.sent(count)
    }

    @Test func `count as replies until all are sent`() {
        var outbox = Outbox()
        _ = outbox.add(.have(1), ids: ExtensionIDs())
        #expect(outbox.replies == 0)
        _ = outbox.add(.interested, ids: ExtensionIDs())
        #expect(outbox.replies == 5)
        outbox.sent(outbox.waiting - 1)
        #expect(outbox.replies == 5)
        outbox.sent(1)
        #expect(outbox.replies == 0)
        #expect(outbox.isEmpty)
    }

    @Test func `begin with what is left of the handshake`() {
        var outbox = Outbox([1, 2, 3])
        _ = outbox.add(.keepAlive, ids: ExtensionIDs())
        #expect(outbox.withWaiting { Array($0) } == [1, 2, 3, 0, 0, 0, 0])
    }
}
