/// What one delivery is to do, as its task and the node's configuration have it.
package struct DeliveryPlan: Sendable {
    /// Bytes of each file of the task's `filelist`; files are known by their place in it.
    package var sizes: [Int64]
    /// Whose share each file is. Nil for one that no method here is to fetch: a cacher fetches the BT share alone.
    package var homes: [DeliveryMethod?]
    /// Files that lie in the library here, and are copied first.
    package var localFiles: Set<Int>
    /// Files that the served torrent contains. The other methods have every file.
    package var torrentFiles: Set<Int>
    /// The methods that may be used at all.
    package var usable: Set<DeliveryMethod>
    package var windows: PerMethod<QuietWindow>
    package var rebalance: Rebalance
    /// Methods that may be paid for more than their share.
    package var payable: Set<DeliveryMethod>
    /// Whether the content is kept and published when it is complete.
    package var keepsContent: Bool
    /// Seconds to seed after completion.
    package var seedTime: Int
    /// Whether seeding keeps to BT's window.
    package var seedsInWindow: Bool
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

    /// - Parameters:
    ///   - torrentFiles: places of the files that the served torrent contains; nil for all of BT's list.
    package init(task: TaskFile, configuration: NodeConfiguration, torrentFiles: Set<Int>? = nil) {
        let places = task.places()
        var homes = [DeliveryMethod?](repeating: nil, count: task.fileList.count)
        let isCacher = configuration.role == .cacher
        for method in DeliveryMethod.allCases where !isCacher || method == .bt {
            for path in task.lists[method] { if let place = places[path] { homes[place] = method } }
        }
        let local = Set(task.localSameFiles)
        let shared = task.usedMethods
        self.init(
            sizes: task.fileList.map(\.size), homes: homes,
            localFiles: isCacher ? [] : Set(task.fileList.indices.filter { local.contains(task.fileList[$0].path) }),
            torrentFiles: torrentFiles ?? Set(homes.indices.filter { homes[$0] == .bt }),
            usable: isCacher ? [.bt] : Set(shared.filter { Self.hasSource($0, task: task) }),
            windows: task.windows(configuration: configuration), rebalance: task.rebalance,
            payable: Set(task.payable), keepsContent: !isCacher,
            seedTime: (task.bt.seedTime ?? configuration.defaultSeedTime).seconds,
            seedsInWindow: task.seedsInWindow ?? configuration.seedsInWindow)
    }

    private static func hasSource(_ method: DeliveryMethod, task: TaskFile) -> Bool {
        switch method {
        case .bt: true
        case .obs: !task.obs.url.isEmpty
        case .cdn: !task.cdn.url.isEmpty
        }
    }

    func canServe(_ method: DeliveryMethod, _ file: Int) -> Bool {
        usable.contains(method) && (method != .bt || torrentFiles.contains(file))
    }

    /// Whether using `method` beyond its share needs no leave: peers cost nothing.
    func isFree(_ method: DeliveryMethod) -> Bool { method == .bt || payable.contains(method) }
}

/// Times and bounds of a delivery.
package struct DeliverySettings: Sendable, Hashable {
    /// Seconds without a byte inside its window after which a method has no source left (`sourcetimeout`).
    package var sourceTimeout: Double = 600
    /// Seconds for which the shell may say that no peer has a piece before BT has no source left. Peers come and go;
    /// the engine has waited half a minute itself before it says so.
    package var peerGrace: Double = 2
    /// When a method without a source is tried again.
    package var probing = Backoff(first: 5, most: 600)
    /// How often a file may be fetched and found wrong.
    package var attemptsPerFile = 6
    /// Longest sleep, so that a clock that is set is noticed.
    package var longestSleep: Double = 30

    package init() {}
}
