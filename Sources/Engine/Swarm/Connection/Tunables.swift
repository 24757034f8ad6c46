extension PeerConnection {
    /// Times and sizes of every connection of a process.
    struct Tunables: Sendable {
        /// Seconds for a connection to be made and its handshake to come, together.
        var handshake = 12.0
        /// Seconds without a byte after which a peer is taken for gone; peers send something every two minutes.
        var idle = 240.0
        /// Seconds without a byte of ours after which we send a keep-alive.
        var keepAlive = 100.0
        /// Bytes read or written for one peer before others are served.
        var turn = 1 << 20
        /// Bytes read at once where no block is under way; more only to complete a long frame.
        var read = 256 << 10
        /// Bytes read beyond a block that goes straight to its place, looking for the next header.
        var lookAhead = 4096
        /// Bytes of control messages that may wait for a peer that does not read.
        var outbox = 4 << 20
        /// Bytes of replies that may wait; with more the peer is not read until all are sent.
        var replies = 64 << 10
        /// Bytes that may wait without a part of the budget of the process.
        var freeUnsent = 20 << 10
    }
}
