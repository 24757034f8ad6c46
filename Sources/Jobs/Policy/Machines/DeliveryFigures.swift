/// The bytes that each method has brought, and those it still has to bring. Pure: the shell passes the counts of its
/// transfers.
///
/// The parts always add up to the whole: bytes that came twice count once, and uncounted bytes are attributed to the
/// method that had the files.
package struct DeliveryFigures: Sendable, Equatable {
    /// Verified bytes by method.
    package private(set) var received = PerMethod<Int64>(repeating: 0)
    /// Bytes that each method still has to bring.
    package private(set) var pending = PerMethod<Int64>(repeating: 0)
    /// Current bytes per second.
    package private(set) var rates = PerMethod<Double>(repeating: 0)

    /// Bytes of ended transfers, from before the current ones.
    private var settled = PerMethod<Int64>(repeating: 0)
    /// The values last written to disk.
    private var saved = PerMethod<Int64>(repeating: 0)
    /// The values last added to the counters of the process, or those of an earlier run.
    private var counted = PerMethod<Int64>(repeating: 0)

    package init() {}

    // MARK: Transfers

    /// Transfers begin whose own records contain earlier bytes.
    package mutating func transfersBegan() { settled = PerMethod(repeating: 0) }

    /// The transfers have ended. What they brought since the last look is theirs, whatever the plan was.
    /// - Parameters:
    ///   - running: their counts.
    ///   - most: bytes of the files that were not on this host already.
    package mutating func transfersEnded(_ running: PerMethod<Int64>, most: Int64) {
        for method in DeliveryMethod.allCases {
            settled[method] &+= running[method]
            received[method] = max(received[method], settled[method])
        }
        received = Self.capped(received, to: most)
    }

    /// Bytes by all transfers, including ended ones.
    /// - Parameter running: counts of the current transfers.
    package func total(_ running: PerMethod<Int64>) -> PerMethod<Int64> {
        var total = settled
        for method in DeliveryMethod.allCases { total[method] &+= running[method] }
        return total
    }

    /// Updates the figures from the transfers.
    /// - Parameters:
    ///   - running: counts of the current transfers.
    ///   - rates: bytes per second of each method; ignored for a stopped method.
    ///   - most: bytes of the files that were not on this host already.
    package mutating func look(
        _ running: PerMethod<Int64>, rates: PerMethod<Double>, machine: DeliveryMachine, most: Int64
    ) {
        received = Self.capped(total(running), to: most)
        pending = Self.pending(machine, received: received, most: most)
        for method in DeliveryMethod.allCases {
            // The average of the last seconds is meaningless for a stopped method.
            self.rates[method] = machine.status(method).isActive ? rates[method] : 0
        }
    }

    // MARK: The beginning and the end

    /// Initial values from the lists alone: nothing has been received, or everything.
    /// - Parameter sizes: for each method, bytes of its list that were not on this host already.
    package mutating func begin(sizes: PerMethod<Int64>, isComplete: Bool) {
        if isComplete { received = sizes } else { pending = sizes }
    }

    /// Everything is complete: the parts add up to the whole. Uncounted bytes (lost in a restart) are attributed to the
    /// methods that had the files.
    /// - Parameters:
    ///   - most: bytes of the files that were not on this host already.
    ///   - sizes: bytes of each method's list.
    package mutating func complete(most: Int64, sizes: PerMethod<Int64>) {
        received = Self.capped(received, to: most)
        var lack = most - received.all.reduce(0, &+)
        for method in DeliveryMethod.allCases where lack > 0 {
            let added = min(lack, max(0, sizes[method] - received[method]))
            received[method] += added
            lack -= added
        }
        received.bt += max(0, lack)
        rates = PerMethod(repeating: 0)
        pending = PerMethod(repeating: 0)
    }

    // MARK: What others are told

    /// Bytes received since the last call, for counters that only grow.
    package mutating func uncounted() -> PerMethod<Int64> {
        var news = PerMethod<Int64>(repeating: 0)
        for method in DeliveryMethod.allCases where received[method] > counted[method] {
            news[method] = received[method] - counted[method]
            counted[method] = received[method]
        }
        return news
    }

    /// The text to write to disk now; nil if there is too little change: a crash loses at most a percent, or 16 MiB.
    /// - Parameters:
    ///   - total: bytes of the whole content.
    ///   - isLast: whether there will be no more changes.
    package mutating func record(total: Int64, isLast: Bool) -> String? {
        let step = max(16 << 20, total / 100)
        let isFar = zip(received.all, saved.all).contains { abs($0 - $1) >= step }
        guard isFar || isLast && received != saved else { return nil }
        saved = received
        return "\(received.bt) \(received.obs) \(received.cdn)\n"
    }

    /// Restores the values of an earlier run; ignores an invalid text.
    package mutating func restore(_ record: String, total: Int64) {
        let numbers = record.split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
        guard numbers.count == 3, numbers.allSatisfy({ $0 >= 0 && $0 <= total }) else { return }
        received = Self.capped(PerMethod(bt: numbers[0], obs: numbers[1], cdn: numbers[2]), to: total)
        saved = received
        counted = received
    }

    // MARK: Sums

    /// The bytes that each method still has to bring: those of its files that it has not brought. The sum equals the
    /// missing bytes of the whole.
    private static func pending(
        _ machine: DeliveryMachine, received: PerMethod<Int64>, most total: Int64
    ) -> PerMethod<Int64> {
        let sizes = machine.plan.sizes
        var owned = PerMethod<Int64>(repeating: 0)
        for (file, size) in sizes.enumerated() {
            if let owner = machine.owner(of: file) { owned[owner] += size }
        }
        var most = PerMethod<Int64>(repeating: 0)
        var pending = most
        for method in DeliveryMethod.allCases {
            most[method] = machine.status(method).files.reduce(0) { $0 + sizes[$1] }
            pending[method] = min(most[method], max(0, owned[method] - received[method]))
        }
        // Files that were reassigned, and bytes that are counted late, cause a difference.
        var lack = max(0, total - received.all.reduce(0, &+)) - pending.all.reduce(0, &+)
        for method in DeliveryMethod.allCases where lack != 0 {
            let change = max(-pending[method], min(lack, most[method] - pending[method]))
            pending[method] += change
            lack -= change
        }
        if lack > 0, let method = DeliveryMethod.allCases.max(by: { owned[$0] < owned[$1] }) { pending[method] += lack }
        return pending
    }

    /// Bytes that came twice, because a file had to be fetched again, count once.
    private static func capped(_ received: PerMethod<Int64>, to most: Int64) -> PerMethod<Int64> {
        var received = received
        var excess = received.all.reduce(0, &+) - most
        for method in DeliveryMethod.allCases.sorted(by: { received[$0] > received[$1] }) where excess > 0 {
            let taken = min(excess, received[method])
            received[method] -= taken
            excess -= taken
        }
        return received
    }
}
