// The status of a delivery for others.
extension DeliveryMachine {
    /// Seconds until `tick` has something to do; nil if nothing more will happen.
    package func sleep(at now: Moment) -> Double? {
        var times: [Double] = []
        switch phase {
        case .finished, .failed: return nil
        case .publishing: return plan.settings.longestSleep
        case .seeding(let until):
            times.append(until - now.wall)
            if plan.seedsInWindow, let change = plan.windows.bt.nextChange(after: now.wall, clock: clock) {
                times.append(change - now.wall)
            }
        case .fetching:
            for method in DeliveryMethod.allCases where plan.usable.contains(method) {
                if let change = plan.windows[method].nextChange(after: now.wall, clock: clock) {
                    times.append(change - now.wall)
                }
                if let deadline = silenceDeadline(method) { times.append(deadline - now.uptime) }
                if let exhaustion = methods[method].exhaustion, !exhaustion.isProbing, methods[method].isOpen {
                    times.append(exhaustion.nextProbe - now.uptime)
                }
            }
        }
        return max(0, min(times.min() ?? .infinity, plan.settings.longestSleep))
    }

    /// The status of a method.
    package struct MethodStatus: Sendable, Hashable {
        /// Whether its window is open.
        package let isOpen: Bool
        /// Whether it is fetching.
        package let isActive: Bool
        /// Missing files that it is to fetch.
        package let files: [Int]
        /// Why it has no source left; nil if it has one.
        package let noSource: SourceTrouble?
    }

    package func status(_ method: DeliveryMethod) -> MethodStatus {
        MethodStatus(
            isOpen: methods[method].isOpen, isActive: methods[method].activeSince != nil,
            files: missingFiles(of: method), noSource: methods[method].exhaustion?.reason)
    }

    /// Missing files that others than peers are to fetch.
    package var filesOfSources: Set<Int> {
        Set(DeliveryMethod.allCases.filter { $0 != .bt }.flatMap { missingFiles(of: $0) })
    }

    /// The method that fetches a file; nil for a file that is copied or not needed.
    package func owner(of file: Int) -> DeliveryMethod? { files.indices.contains(file) ? files[file].owner : nil }

    /// Complete and verified files.
    package var verifiedFiles: Set<Int> { Set(files.indices.filter { files[$0].progress == .verified }) }

    /// Information for a person: methods without a source, the reason, and the methods that took over their files.
    /// Empty if there is no problem.
    package var notes: String {
        guard phase == .fetching else { return "" }
        return DeliveryMethod.allCases.compactMap { method -> String? in
            guard let reason = methods[method].exhaustion?.reason else { return nil }
            let takers = Set(
                files.indices.filter { plan.homes[$0] == method && files[$0].progress != .verified }
                    .compactMap { files[$0].owner })
            let others = takers.subtracting([method]).sorted().map(\.rawValue).joined(separator: " and ")
            let rest = others.isEmpty ? "it is tried again" : "\(others) takes over its files"
            return "\(method.rawValue) has no source left: \(reason); \(rest)"
        }.joined(separator: "; ")
    }
}
