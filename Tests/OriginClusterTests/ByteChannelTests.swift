import NIOCore
import OriginCluster
import Testing

@Suite struct `A channel of bytes` {
    @Test func `whose receiver takes nothing is given up, which is told from one that was closed`() async {
        let channel = ByteChannel(capacity: 4, patience: .zero)
        #expect(await channel.send(ByteBuffer(repeating: 1, count: 4)))
        #expect(!channel.isGivenUp)
        #expect(await !channel.send(ByteBuffer(repeating: 1, count: 4)))
        #expect(channel.isGivenUp && channel.waiting == 0)
        let closed = ByteChannel(patience: .zero)
        closed.close()
        #expect(await !closed.send(ByteBuffer(repeating: 1, count: 4)))
        #expect(!closed.isGivenUp)
    }
}
