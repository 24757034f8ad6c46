/// What one delivery is to do, as its task and the node's configuration have it.
public struct DeliveryPlan: Sendable {
    /// Bytes of each file of the task's `filelist`; files are known by their place in it.
    public var sizes: [Int64]
    /// Whose share each file is. Nil for one that no method here is to fetch: a cacher fetches the BT share alone.
    public var homes: [DeliveryMethod?]
    /// Files that lie in the library here, and are copied first.
    public var localFiles: Set<Int>
    /// Files that the served torrent contains. The other methods have every file.
    public var torrentFiles: Set<Int>
    /// The methods that may be used at all.
    public var usable: Set<DeliveryMethod>
    public var windows: PerMethod<QuietWindow>
    public var rebalance: Rebalance
    /// Methods that may be paid for more than their share.
    public var payable: Set<DeliveryMethod>
    /// Whether the content is kept and published when it is complete.
    public var keepsContent: Bool
    /// Seconds to seed after completion.
    public var seedTime: Int
    /// Whether seeding keeps to BT's window.
    public var seedsInWindow: Bool
    public var settings = DeliverySettings()

    public init(
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
    public init(task: TaskFile, configuration: NodeConfiguration, torrentFiles: Set<Int>? = nil) {
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
public struct DeliverySettings: Sendable, Hashable {
    /// Seconds without a byte inside its window after which a method has no source left (`sourcetimeout`).
    public var sourceTimeout: Double = 600
    /// Seconds for which the shell may say that no peer has a piece before BT has no source left. Peers come and go;
    /// the engine has waited half a minute itself before it says so.
    public var peerGrace: Double = 2
    /// When a method without a source is tried again.
    public var probing = Backoff(first: 5, most: 600)
    /// How often a file may be fetched and found wrong.
    public var attemptsPerFile = 6
    /// Longest sleep, so that a clock that is set is noticed.
    public var longestSleep: Double = 30

    public init() {}
}
