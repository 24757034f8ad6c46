import Policy

// What a task file and the configuration ask for, as a policy.
extension DeliveryPlan {
    /// - Parameters:
    ///   - torrentFiles: indices of the files in the served torrent; nil for all of BT's list.
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
}

extension SendPlan {
    package init(task: TaskFile, configuration: NodeConfiguration) {
        let source = task.dataSource ?? configuration.dataSource
        let isLocal = configuration.machineType == .local
        self.init(
            fetchesFirst: isLocal && source == .obs, usesTorrent: task.shares.bt > 0, usesStore: task.shares.obs > 0,
            usesCDN: task.shares.cdn > 0, uploads: isLocal && source == .local, totalSize: task.totalSize,
            windows: task.windows(configuration: configuration),
            seedTime: (task.bt.seedTime ?? configuration.defaultSeedTime).seconds,
            seedsInWindow: task.seedsInWindow ?? configuration.seedsInWindow)
    }
}
