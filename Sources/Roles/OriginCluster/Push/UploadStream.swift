/// One request that sends bytes of an upload to another origin. It ends early if that origin counts as down, or makes no
/// progress for a while.
final class UploadStream: Sendable {
    /// The bytes to send.
    let channel: ByteChannel
    private let sending: Task<Result<Int64, PeerProblem>, Never>
    private let patience: Duration

    /// Begins to send what comes through ``channel``.
    /// - Parameter patience: most time without progress.
    init(
        to place: UploadPlace, at offset: Int64, peers: OriginPeers, watch: ClusterWatch, patience: Duration
    ) {
        let channel = ByteChannel(patience: patience)
        self.channel = channel
        self.patience = patience
        sending = Task {
            // The other origin may respond, or go down, before it has read all bytes: stop the sender.
            defer { channel.close() }
            return await watch.whileUp(place.host) {
                do throws(PeerProblem) {
                    return .success(try await peers.send(channel, to: place, at: offset))
                } catch {
                    return .failure(error)
                }
            }
        }
    }

    /// Waits for the answer of the other origin, after ``channel`` was finished or closed.
    /// - Returns: the bytes of the upload that the other origin has then.
    func end() async -> Result<Int64, PeerProblem> {
        // It has been waited for long enough already: whoever sends the bytes here waits for this answer.
        if channel.isGivenUp { sending.cancel() }
        let impatience = Task { [channel, sending, patience] in
            var before: Int?
            while channel.waiting != before {
                before = channel.waiting
                try await Task.sleep(for: patience)
            }
            sending.cancel()
        }
        defer { impatience.cancel() }
        return await sending.value
    }
}
