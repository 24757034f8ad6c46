import Policy

/// A download as listed by showschedules.
package struct ScheduledTask: Sendable, Hashable {
    /// `SUBDIR-NAME`.
    package var title: String
    package var shares: Shares
    package var policy: DeliveryPolicy
    package var windows: PerMethod<QuietWindow>
    /// The methods that are transferring now.
    package var active: Set<DeliveryMethod>

    package init(
        title: String, shares: Shares, policy: DeliveryPolicy, windows: PerMethod<QuietWindow>,
        active: Set<DeliveryMethod>
    ) {
        self.title = title
        self.shares = shares
        self.policy = policy
        self.windows = windows
        self.active = active
    }

    package init(task: TaskFile, configuration: NodeConfiguration, machine: DeliveryMachine?) {
        self.init(
            title: task.title, shares: task.shares, policy: task.policy,
            windows: task.windows(configuration: configuration),
            active: Set(DeliveryMethod.allCases.filter { machine?.status($0).isActive ?? false }))
    }

    func hasSchedule(_ method: DeliveryMethod) -> Bool {
        policy == .priortime && shares[method] > 0 && !windows[method].isAlways
    }
}

/// The text of showschedules, in BFT's format.
package enum ScheduleReport {
    /// The order of methods in both lists.
    private static let order: [DeliveryMethod] = [.bt, .cdn, .obs]

    /// - Parameter tasks: the running downloads, in order.
    package static func text(tasks: [ScheduledTask], at now: Instant, clock: any WallClock) -> String {
        var lines = ["Now: \(clock.text(now))", "Scheduls by Methods:"]
        for method in order {
            lines.append("\(method.rawValue) schedules")
            let spans = tasks.compactMap { task -> (task: ScheduledTask, span: Range<Instant>)? in
                guard task.hasSchedule(method) else { return nil }
                return task.windows[method].currentOrNext(at: now, clock: clock).map { (task, $0) }
            }
            lines += spans.map { "\($0.task.title) priortime: \(text($0.span, clock: clock))" }
            // A running task runs next when its window opens the next time.
            let next = spans.map { span in
                span.span.lowerBound > now
                    ? span.span.lowerBound
                    : span.task.windows[method].currentOrNext(at: span.span.upperBound, clock: clock)?.lowerBound
                        ?? span.span.lowerBound
            }.min()
            lines.append(
                next.map { "\(method.rawValue) next runtime:\(clock.text($0))" }
                    ?? "\(method.rawValue) next runtime: no schedule")
        }
        lines.append("Schedules by TaskNames:")
        for task in tasks {
            lines.append(task.title)
            lines += order.map { "\($0.rawValue) priortime: \(byTask(task, $0, at: now, clock: clock))" }
        }
        lines.append("All Current Downloading:")
        lines += tasks.map(current)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func byTask(
        _ task: ScheduledTask, _ method: DeliveryMethod, at now: Instant, clock: any WallClock
    ) -> String {
        guard task.shares[method] > 0 else { return "none" }
        guard task.hasSchedule(method), let span = task.windows[method].currentOrNext(at: now, clock: clock) else {
            return "always"
        }
        return text(span, clock: clock)
    }

    private static func text(_ span: Range<Instant>, clock: any WallClock) -> String {
        "start: \(clock.textWithZone(span.lowerBound)) stop: \(clock.textWithZone(span.upperBound))"
    }

    /// `cfec-001-x bt:obs:cdn = 0:1:1 priortime obs: 0 22:34-22:37 cdn: 1 22:34-22:37`: 1 means that the method is
    /// transferring.
    private static func current(_ task: ScheduledTask) -> String {
        let methods = task.shares.methods.map { method in
            let window = task.policy == .priortime ? " \(task.windows[method].text)" : ""
            return "\(method.rawValue): \(task.active.contains(method) ? 1 : 0)\(window)"
        }
        return (["\(task.title) bt:obs:cdn = \(task.shares) \(task.policy.rawValue)"] + methods).joined(separator: " ")
    }
}
