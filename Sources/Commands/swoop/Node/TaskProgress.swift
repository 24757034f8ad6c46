/// The values of a node's reply to `progress`, for bars.
struct TaskProgress: Sendable, Equatable {
    /// One delivery method.
    struct Method: Sendable, Equatable {
        var name: String
        var done: Int
        var total: Int
        var rate: Int
    }

    var status: String
    var progress: Progress
    /// Methods that have a share.
    var methods: [Method]
    var localBytes: Int
    var problem: String
    var path: String

    init(_ content: ReplyValue) {
        status = content["status"]?.text ?? ""
        problem = content["downerror"]?.text ?? ""
        path = content["dcppath"]?.text ?? ""
        let total = max(0, content["totalbytes"]?.number ?? 0)
        localBytes = Self.share(content["localsamepercent"], of: total)
        progress = Progress(
            phase: status.isEmpty ? "unknown" : status, done: min(max(0, content["downloaded"]?.number ?? 0), total),
            total: total, down: Self.rate(content["rate"]?.text ?? ""), knowsPeers: false)
        if let minutes = content["ecompletedtime"]?.number, minutes > 0 { progress.eta = min(minutes, 5_000_000) * 60 }
        methods = ["bt", "obs", "cdn"].compactMap { name in
            let share = Self.share(content["\(name)2downpercent"], of: total)
            let done = Self.share(content["\(name)percent"], of: total)
            guard share > 0 || done > 0 else { return nil }
            return Method(
                name: name, done: done, total: max(share, done), rate: Self.rate(content["\(name)rate"]?.text ?? ""))
        }
    }

    var isDone: Bool { ["downloaded", "history"].contains(status) }
    var hasFailed: Bool { status == "downloaderror" }

    /// The whole task, and each method if there are several.
    func rows(_ label: String) -> [(label: String, progress: Progress)] {
        guard methods.count > 1 else { return [(label, progress)] }
        return [(label, progress)] + methods.map { ("  \($0.name)", bar(of: $0)) }
    }

    /// One delivery method as a bar.
    private func bar(of method: Method) -> Progress {
        Progress(phase: status, done: method.done, total: method.total, down: method.rate, knowsPeers: false)
    }

    /// One line for a person.
    var text: String {
        var parts = [status, HumanText.percent(progress.done, of: progress.total)]
        if progress.total > 0 {
            parts.append("\(HumanText.bytes(progress.done)) of \(HumanText.bytes(progress.total))")
        }
        parts += methods.map { method in
            let rate = method.rate > 0 ? " at \(HumanText.rate(method.rate))" : ""
            return "\(method.name) \(HumanText.percent(method.done, of: method.total))\(rate)"
        }
        if localBytes > 0 { parts.append("\(HumanText.bytes(localBytes)) were here already") }
        if let eta = progress.eta, progress.done < progress.total { parts.append("ETA \(HumanText.time(eta))") }
        if !path.isEmpty { parts.append(path.shown) }
        if !problem.isEmpty { parts.append(problem.shown) }
        return parts.joined(separator: "  ")
    }

    /// Bytes for a share of the whole content, from text such as `33.333%`.
    static func share(_ percent: ReplyValue?, of total: Int) -> Int {
        guard let text = percent?.text, text.hasSuffix("%"), let value = Double(text.dropLast()), value >= 0 else {
            return 0
        }
        return Int(min(value, 100) / 100 * Double(total))
    }

    /// Bytes per second from `9999B/s`, `10K/s`, `3 M/s`, `2 KB/s`; 0 for anything else.
    static func rate(_ text: String) -> Int {
        let (number, unit) = text.filter { $0 != " " }.splitBeforeUnit()
        guard let value = Double(number), value >= 0, value < 1e12 else { return 0 }
        return switch unit.uppercased() {
        case "B/S": Int(value)
        case "K/S", "KB/S": Int(value * 1024)
        case "M/S", "MB/S": Int(value * 1024 * 1024)
        default: 0
        }
    }
}
