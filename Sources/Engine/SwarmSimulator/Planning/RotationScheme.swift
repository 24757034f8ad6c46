/// Distribution by rotating block groups, as push tools without a swarm do it: the content is cut into as many groups as there are
/// receivers. In the first round the sender gives each receiver a group of its own. In each later round every receiver downloads one
/// group from another receiver, each from a different one, and the sender's uplink is idle. A round ends for all when its slowest
/// transfer ends. Source: the description of "wugui" (one sender, N receivers, keys from a configuration centre).
///
/// The model favours the scheme: connections cost nothing, and a round begins everywhere at the moment when the last one ended.
package struct RotationScheme: Sendable {
    /// Bytes.
    package var contentLength: Double
    /// Uplink of the sender, in bytes a second, greater than 0.
    package var senderUp: Double
    /// Uplink and downlink of each receiver, in bytes a second, greater than 0.
    package var receivers: [(up: Double, down: Double)]
    /// Bytes on the wire for each byte of content, as in ``Network/overhead``.
    package var overhead = Network().overhead

    package init(contentLength: Double, senderUp: Double, receivers: [(up: Double, down: Double)]) {
        self.contentLength = contentLength
        self.senderUp = senderUp
        self.receivers = receivers
    }

    /// Seconds until each receiver has everything, in the order of ``receivers``.
    package var finishTimes: [Double] {
        let count = receivers.count
        guard count > 0 else { return [] }
        let group = contentLength * overhead / Double(count)
        // The sender's uplink stays busy while one receiver can take more; a slow one delays only itself, then everybody.
        let first = max(Double(count) * group / senderUp, receivers.map { group / $0.down }.max() ?? 0)
        guard count > 1 else { return [first] }
        let rounds = (1..<count).map { shift in
            receivers.indices.map { group / min(receivers[($0 + shift) % count].up, receivers[$0].down) }
        }
        let before = rounds.dropLast().reduce(first) { $0 + ($1.max() ?? 0) }
        return rounds[count - 2].map { before + $0 }
    }
}
