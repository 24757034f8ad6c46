/// The plan of one delivery, from its task and the node's configuration.
package struct DeliveryPlan: Sendable {
    /// Size in bytes of each file of the task's `filelist`. Files are identified by their index in it.
    package var sizes: [Int64]
    /// The method whose share contains each file. Nil for a file that is not fetched here: a cacher fetches only the BT
    /// share.
    package var homes: [DeliveryMethod?]
    /// Files in the local library, which are copied first.
    package var localFiles: Set<Int>
    /// Files that the served torrent contains. Other methods have every file.
    package var torrentFiles: Set<Int>
    /// The methods that may be used.
    package var usable: Set<DeliveryMethod>
    package var windows: PerMethod<QuietWindow>
    package var rebalance: Rebalance
    /// Methods that may be used beyond their share although they cost money.
    package var payable: Set<DeliveryMethod>
    /// Whether the content is kept and published when it is complete.
    package var keepsContent: Bool
    /// Seconds to seed after completion.
    package var seedTime: Int
    /// Whether the window of BT applies to seeding.
    package var seedsInWindow: Bool
    /// Whether peers are given anything.
    package var gives = true
    package var settings = DeliverySettings()

    package init(
        sizes: [Int64], homes: [DeliveryMethod?], localFiles: Set<Int> = [], torrentFiles: Set<Int>,
        usable: Set<DeliveryMethod>, windows: PerMethod<QuietWindow> = PerMethod(repeating: .always),
        rebalance: Rebalance = .none, payable: Set<DeliveryMethod> = [], keepsContent: Bool = true, seedTime: Int = 0,
        seedsInWindow: Bool = false
    ) {
        self.sizes = sizes
        self.homes = homes
        self.localFiles = localFiles
        self.torrentFiles = torrentFiles
        self.usable = usable
        self.windows = windows
        self.rebalance = rebalance
        self.payable = payable
        self.keepsContent = keepsContent
        self.seedTime = seedTime
        self.seedsInWindow = seedsInWindow
    }

    func canServe(_ method: DeliveryMethod, _ file: Int) -> Bool {
        usable.contains(method) && (method != .bt || torrentFiles.contains(file))
    }

    /// Whether `method` may be used beyond its share: peers cost nothing.
    func isFree(_ method: DeliveryMethod) -> Bool { method == .bt || payable.contains(method) }
}

/// Timeouts and limits of a delivery.
package struct DeliverySettings: Sendable, Hashable {
    /// Seconds without a byte inside its window after which a method has no source left (`sourcetimeout`).
    package var sourceTimeout: Double = 600
    /// Seconds for which the shell may report that no peer has a missing piece before BT has no source left. Peers come
    /// and go, and the engine itself waits half a minute before it reports this.
    package var peerGrace: Double = 2
    /// Backoff of probes of a method without a source.
    package var probing = Backoff(first: 5, most: 600)
    /// Maximum number of times that a file may be fetched and found wrong.
    package var attemptsPerFile = 6
    /// Maximum sleep in seconds, so that a changed clock is noticed.
    package var longestSleep: Double = 30

    package init() {}
}
