import JSON
import Policy

/// The status words of the progress call.
package enum ProgressStatus: String, Sendable, Hashable, CaseIterable {
    case queues, downloading, downloaderror, downloaded, history

    /// The word for the directory of a task file; nil for `tmp`, which does not contain tasks yet.
    package init?(_ state: ReceiverState) {
        switch state {
        case .tmp: return nil
        case .queues: self = .queues
        case .downloading: self = .downloading
        case .downloaded: self = .downloaded
        case .history: self = .history
        case .failed: self = .downloaderror
        }
    }
}

/// The values of a progress reply.
package struct ProgressFigures: Sendable, Hashable {
    package var status: ProgressStatus
    /// Current path of the task file.
    package var taskPath: String
    /// Path of the content; shown when it is downloaded.
    package var contentPath = ""
    package var isSeeding = false
    /// `downerror`: the current problem, empty if there is none.
    package var error = ""
    /// Bytes of the whole content.
    package var totalBytes: Int64
    /// Bytes of files that were on this host already.
    package var localBytes: Int64 = 0
    /// Verified bytes by the method that brought them.
    package var received = PerMethod<Int64>(repeating: 0)
    /// Bytes that each method still has to bring.
    package var pending = PerMethod<Int64>(repeating: 0)
    /// Bytes per second.
    package var rates = PerMethod<Double>(repeating: 0)

    package init(status: ProgressStatus, taskPath: String, totalBytes: Int64) {
        self.status = status
        self.taskPath = taskPath
        self.totalBytes = totalBytes
    }

    /// The values known from the task file alone: nothing is done, or everything is, by the sizes of its lists.
    package init(task: TaskFile, status: ProgressStatus, taskPath: String) {
        self.init(status: status, taskPath: taskPath, totalBytes: task.totalSize)
        localBytes = task.localSameSize
        let rest = task.remainingFiles().map { files in files.reduce(Int64(0)) { $0 &+ task.fileList[$1].size } }
        if status == .downloaded || status == .history { received = rest } else { pending = rest }
    }

    /// The reply; without figures for a task that is waiting.
    package var reply: APIReply {
        guard status != .queues else { return .failure(ProgressFailureText.inQueues) }
        return APIReply(succeeded: true, content: content)
    }

    /// All fields, exactly as BFT writes them.
    package var content: JSONObject {
        let parts = PercentParts(self)
        let isDone = status == .downloaded || status == .history
        let rate = { (bytes: Double) in JSONValue.string(isDone ? "" : RateText.text(bytes)) }
        let downloaded = isDone ? totalBytes : Self.sum(received.all + [localBytes], most: totalBytes)
        var content: JSONObject = [
            "status": .string(status.rawValue), "taskfullpath": .string(taskPath), "taskfile": .string(taskPath),
            "dcppath": .string(isDone ? contentPath : ""), "btstatus": isSeeding ? "btseeding" : "noseeding",
            "downerror": .string(error), "downloaded": .integer(downloaded),
            "rate": rate(rates.all.reduce(0) { $0 + max(0, $1) }), "totalpercent": PercentParts.text(parts.total),
            "totoalpercent": PercentParts.text(parts.total),
        ]
        for method in DeliveryMethod.allCases {
            content[method.rawValue + "rate"] = rate(rates[method])
            content[method.rawValue + "percent"] = PercentParts.text(parts.done[method])
        }
        content["ecompletedtime"] = .integer(isDone ? 0 : minutesLeft)
        for method in DeliveryMethod.allCases {
            content[method.rawValue + "2downpercent"] = PercentParts.text(parts.toDo[method])
        }
        content["localsamepercent"] = PercentParts.text(parts.local)
        content["totalbytes"] = .string(String(totalBytes))
        return content
    }

    /// Estimated minutes left at the current rate, rounded up; -1 if nothing is transferred.
    private var minutesLeft: Int64 {
        let rate = rates.all.reduce(0) { $0 + max(0, $1) }
        let left = Double(Self.sum(pending.all, most: .max))
        if left == 0 { return 0 }
        guard rate > 0, left / rate < 1e9 else { return -1 }
        return Int64((left / rate / 60).rounded(.up))
    }

    private static func sum(_ values: [Int64], most: Int64) -> Int64 {
        Int64(clamping: min(values.reduce(Int128(0)) { $0 + Int128(max(0, $1)) }, Int128(max(0, most))))
    }
}

/// The percentages of a progress reply in thousandths of a percent, rounded so that the sums are exact: assigned and
/// local shares add up to 100, received and local shares add up to the total.
struct PercentParts {
    static let whole: Int64 = 100_000
    let local: Int64
    let toDo: PerMethod<Int64>
    let done: PerMethod<Int64>
    var total: Int64 { done.all.reduce(local, +) }

    init(_ figures: ProgressFigures) {
        let received = figures.received.map { Int128(max(0, $0)) }
        var shares = PerMethod<Int128>(repeating: 0)
        for method in DeliveryMethod.allCases {
            shares[method] = received[method] + Int128(max(0, figures.pending[method]))
        }
        let weights = shares.all + [Int128(max(0, figures.localBytes))]
        // A task that failed before it could be read has no known contents.
        let isUnknown = figures.status == .downloaderror && figures.totalBytes == 0
        let parts = isUnknown ? [Self.whole, 0, 0, 0] : Self.split(weights)
        toDo = PerMethod(bt: parts[0], obs: parts[1], cdn: parts[2])
        local = parts[3]
        var done = PerMethod<Int64>(repeating: 0)
        let weight = shares.all.reduce(Int128(max(0, figures.localBytes)), +)
        for method in DeliveryMethod.allCases where weight > 0 {
            // A finished method shows its whole share; an unfinished one less.
            done[method] =
                received[method] == shares[method]
                ? toDo[method]
                : min(toDo[method], Int64(clamping: received[method] * Int128(Self.whole) / weight))
        }
        self.done = done
    }

    /// Divides `whole` into integer parts in proportion to the weights, by largest remainders.
    private static func split(_ weights: [Int128]) -> [Int64] {
        let sum = weights.reduce(0, +)
        guard sum > 0 else { return weights.indices.map { $0 == weights.count - 1 ? whole : 0 } }
        var parts = weights.map { Int64(clamping: $0 * Int128(whole) / sum) }
        let remainders = weights.map { $0 * Int128(whole) % sum }
        let missing = Int(whole - parts.reduce(0, +))
        for index in weights.indices.sorted(by: { (remainders[$1], $0) < (remainders[$0], $1) }).prefix(missing) {
            parts[index] += 1
        }
        return parts
    }

    /// `22.500%`.
    static func text(_ thousandths: Int64) -> JSONValue {
        let fraction = String(thousandths % 1000)
        return .string(
            "\(thousandths / 1000).\(String(repeating: "0", count: 3 - fraction.utf8.count))\(fraction)%")
    }
}

/// Rates in the format of progress replies.
package enum RateText {
    /// `B/s` up to 9999, `K/s` up to 9999 times 1024 bytes, then `M/s`; whole numbers, rounded down.
    package static func text(_ bytesPerSecond: Double) -> String {
        let rate = bytesPerSecond.isFinite ? Int64(min(max(0, bytesPerSecond), 1e18)) : 0
        if rate <= 9999 { return "\(rate) B/s" }
        if rate <= 9999 * 1024 { return "\(rate / 1024) K/s" }
        return "\(rate / (1024 * 1024)) M/s"
    }
}
