import Text

/// The shares of the methods: `2:1:1` means half by BitTorrent and a quarter by each of the others.
package struct Shares: Sendable, Hashable, CustomStringConvertible {
    package let bt: Int
    package let obs: Int
    package let cdn: Int

    /// Largest part that is accepted.
    package static let maxPart = 10_000

    /// - Returns: nil if a part is negative or above `maxPart`, or all are 0.
    package init?(bt: Int, obs: Int, cdn: Int) {
        guard [bt, obs, cdn].allSatisfy({ (0...Self.maxPart).contains($0) }), bt + obs + cdn > 0 else { return nil }
        self.bt = bt
        self.obs = obs
        self.cdn = cdn
    }

    /// Parses `2:1:1`.
    package init?(_ text: String) {
        let parts = text.trimmingBlanks.split(separator: ":", omittingEmptySubsequences: false).map { part in
            part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(part) : nil
        }
        guard parts.count == 3, let bt = parts[0], let obs = parts[1], let cdn = parts[2] else { return nil }
        self.init(bt: bt, obs: obs, cdn: cdn)
    }

    package subscript(_ method: DeliveryMethod) -> Int {
        switch method {
        case .bt: bt
        case .obs: obs
        case .cdn: cdn
        }
    }

    package var sum: Int { bt + obs + cdn }
    /// The methods with a share above 0.
    package var methods: [DeliveryMethod] { DeliveryMethod.allCases.filter { self[$0] > 0 } }
    /// Whether everything is delivered by BitTorrent, so that the full torrent is served instead of that of a share.
    package var isTorrentOnly: Bool { bt > 0 && obs == 0 && cdn == 0 }
    package var description: String { "\(bt):\(obs):\(cdn)" }
}
