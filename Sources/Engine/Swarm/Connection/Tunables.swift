extension PeerConnection {
    /// Timeouts and sizes of every connection of a process.
    struct Tunables: Sendable {
        /// Seconds for connecting and the handshake together.
        var handshake = 12.0
        /// Seconds without a received byte after which a peer counts as gone; peers send something every two minutes.
        var idle = 240.0
        /// Seconds without a sent byte after which we send a keep-alive.
        var keepAlive = 100.0
        /// Maximum bytes read or written for one peer before others are served.
        var quantum = 1 << 20
        /// Bytes read at once while no block is being received; more only to complete a long frame.
        var read = 256 << 10
        /// Bytes read beyond a block that goes directly to its destination, to find the next header.
        var lookAhead = 4096
        /// Maximum bytes of control messages queued for a peer that does not read.
        var outbox = 4 << 20
        /// Bytes of queued replies above which the peer is not read until all are sent.
        var replies = 64 << 10
        /// Unsent bytes that need no part of the process's budget.
        var freeUnsent = 20 << 10
    }
}
