/// What each method has brought of a delivery, and what it is still to bring. Pure: the shell tells what its transfers
/// count.
///
/// The parts always make up the whole: bytes that came twice count once, and bytes that nobody counted are put to the
/// method that had the files.
package struct DeliveryFigures: Sendable, Equatable {
    /// Verified bytes that came by each method.
    package private(set) var received = PerMethod<Int64>(repeating: 0)
    /// Bytes that each method is still to fetch.
    package private(set) var pending = PerMethod<Int64>(repeating: 0)
    /// Bytes per second now.
    package private(set) var rates = PerMethod<Double>(repeating: 0)

    /// Of transfers that ended, before those that run now.
    private var settled = PerMethod<Int64>(repeating: 0)
    /// What was written to disk last.
    private var saved = PerMethod<Int64>(repeating: 0)
    /// What the counters of the process were told, or what an earlier run told its own.
    private var counted = PerMethod<Int64>(repeating: 0)

    package init() {}

    // MARK: Transfers

    /// Transfers begin whose own records know what came before.
    package mutating func transfersBegan() { settled = PerMethod(repeating: 0) }

    /// The transfers ended.
    /// - Parameter running: what they counted.
    package mutating func transfersEnded(_ running: PerMethod<Int64>) {
        for method in DeliveryMethod.allCases { settled[method] &+= running[method] }
    }

    /// Bytes by all transfers, also those that ended.
    /// - Parameter running: what the transfers count that run now.
    package func total(_ running: PerMethod<Int64>) -> PerMethod<Int64> {
        var total = settled
        for method in DeliveryMethod.allCases { total[method] &+= running[method] }
        return total
    }

    /// One look at the transfers.
    /// - Parameters:
    ///   - running: what the transfers count that run now.
    ///   - rates: bytes per second of each method; those of a method that was stopped count as nothing.
    ///   - most: bytes of the files that do not lie here already.
    package mutating func look(
        _ running: PerMethod<Int64>, rates: PerMethod<Double>, machine: DeliveryMachine, most: Int64
    ) {
        received = Self.capped(total(running), to: most)
        pending = Self.pending(machine, received: received, most: most)
        for method in DeliveryMethod.allCases {
            // A mean of the last seconds says nothing of a method that has been stopped.
            self.rates[method] = machine.status(method).isActive ? rates[method] : 0
        }
    }

    // MARK: The beginning and the end

    /// Before anything is known but the lists: all is still to come, or all has come.
    /// - Parameter sizes: bytes of each method's list that do not lie here already.
    package mutating func begin(sizes: PerMethod<Int64>, isComplete: Bool) {
        if isComplete { received = sizes } else { pending = sizes }
    }

    /// Everything is here: the parts make up the whole. What was not counted (a restart lost it) came by the methods that
    /// had the files.
    /// - Parameters:
    ///   - most: bytes of the files that did not lie here already.
    ///   - sizes: those of each method's list.
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

    /// What came since this was asked last, for counters that only grow.
    package mutating func uncounted() -> PerMethod<Int64> {
        var news = PerMethod<Int64>(repeating: 0)
        for method in DeliveryMethod.allCases where received[method] > counted[method] {
            news[method] = received[method] - counted[method]
            counted[method] = received[method]
        }
        return news
    }

    /// The text to be written to disk now; nil while it is not worth a write: what a crash loses is a percent, or 16 MiB.
    /// - Parameters:
    ///   - total: bytes of the whole content.
    ///   - isLast: whether nothing more will come.
    package mutating func record(total: Int64, isLast: Bool) -> String? {
        let step = max(16 << 20, total / 100)
        let isFar = zip(received.all, saved.all).contains { abs($0 - $1) >= step }
        guard isFar || isLast && received != saved else { return nil }
        saved = received
        return "\(received.bt) \(received.obs) \(received.cdn)\n"
    }

    /// Takes up what an earlier run wrote; a text that cannot be read says nothing.
    package mutating func restore(_ record: String, total: Int64) {
        let numbers = record.split(whereSeparator: \.isWhitespace).compactMap { Int64($0) }
        guard numbers.count == 3, numbers.allSatisfy({ $0 >= 0 && $0 <= total }) else { return }
        received = Self.capped(PerMethod(bt: numbers[0], obs: numbers[1], cdn: numbers[2]), to: total)
        saved = received
        counted = received
    }

    // MARK: Sums

    /// What each method still has to bring: of all its files what did not come by it. All of it together is what is missing
    /// of the whole.
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
        // Files that changed hands, and what is counted late, leave a difference.
        var lack = max(0, total - received.all.reduce(0, &+)) - pending.all.reduce(0, &+)
        for method in DeliveryMethod.allCases where lack != 0 {
            let change = max(-pending[method], min(lack, most[method] - pending[method]))
            pending[method] += change
            lack -= change
        }
        if lack > 0, let method = DeliveryMethod.allCases.max(by: { owned[$0] < owned[$1] }) { pending[method] += lack }
        return pending
    }

    /// Bytes that came twice, after a file had to be fetched again, count once.
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
