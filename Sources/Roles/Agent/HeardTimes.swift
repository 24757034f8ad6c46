import Files
import JSON
import Synchronization
import Text

/// For each index, the time up to which this agent has handled all tags that were put there. Kept in a file over
/// restarts. Thread-safe; ``set(_:of:)`` blocks.
final class HeardTimes: Sendable {
    private let path: SystemPath
    /// By the index's URL, in seconds since 1970.
    private let times: Mutex<[String: Double]>

    private static let mostIndexes = 64
    private static let mostBytes = 1 << 20
    private static let name = "/heard.json"

    /// - Parameter directory: the agent's cache.
    init(directory: String) {
        path = SystemPath(directory + Self.name)
        let bytes = try? HeldFile(path).readAll(limit: Self.mostBytes)
        let value = bytes.flatMap { try? JSONValue.parse($0) }
        var known: [String: Double] = [:]
        for member in value?.objectValue?.members.prefix(Self.mostIndexes) ?? [] {
            if let time = member.value.lenientInteger { known[member.key] = Double(time) }
        }
        times = Mutex(known)
    }

    /// Nil for an index that this agent has not heard from yet.
    func time(of index: HTTPURL) -> Double? { times.withLock { $0[index.text] } }

    func set(_ time: Double, of index: HTTPURL) {
        let object = times.withLock { times -> JSONObject? in
            guard time > times[index.text] ?? 0 else { return nil }
            times[index.text] = time
            if times.count > Self.mostIndexes, let oldest = times.min(by: { $0.value < $1.value }) {
                times[oldest.key] = nil
            }
            var object = JSONObject()
            for (index, time) in times.sorted(by: { $0.key < $1.key }) { object[index] = .integer(Int64(time)) }
            return object
        }
        // If the file cannot be written, some tags are only asked for once more after a restart.
        guard let object, let (directory, name) = try? HeldDirectory.holding(path) else { return }
        try? directory.replace(name, with: JSONValue.object(object).encode(), temporary: .random(prefix: ".heard-"))
    }
}
