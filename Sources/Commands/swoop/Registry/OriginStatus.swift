import JSON

/// The status of an origin, as text for people and as an event for scripts.
struct OriginStatus: Sendable {
    struct Scrub: Sendable {
        let blobs: Int
        let bytes: Int
        let bad: Int
        let mended: Int
        let left: Int
        /// Seconds since 1970.
        let oldest: Int?
        /// Digests of blobs with corrupt pieces.
        let broken: [String]

        init(_ value: JSON.JSONValue) {
            func count(_ key: String) -> Int { value[key]?.lenientInteger.map { Int($0) } ?? 0 }
            (blobs, bytes, bad) = (count("blobs"), count("bytes"), count("bad"))
            (mended, left) = (count("mended"), count("left"))
            oldest = value["oldest"]?.lenientInteger.map { Int($0) }
            broken = (value["broken"]?.arrayValue ?? []).compactMap { $0["digest"]?.stringValue }
        }
    }

    let blobs: Int
    let bytes: Int
    let sentBytes: Int
    let capacity: Int?
    let free: Int?
    let isFull: Bool
    let scrub: Scrub?
    /// Nil without back ends.
    let tasks: Int?
    let oldestTask: Int?

    init(_ value: JSON.JSONValue) {
        func count(_ value: JSON.JSONValue?, _ key: String) -> Int? { value?[key]?.lenientInteger.map { Int($0) } }
        (blobs, bytes) = (count(value, "blobs") ?? 0, count(value, "bytes") ?? 0)
        sentBytes = count(value, "sentBytes") ?? 0
        (capacity, free) = (count(value["disk"], "capacity"), count(value["disk"], "free"))
        isFull = value["disk"]?["full"]?.lenientFlag ?? false
        scrub = value["scrub"].map { Scrub($0) }
        (tasks, oldestTask) = (count(value["writeBack"], "tasks"), count(value["writeBack"], "oldestSeconds"))
    }

    /// The keys are a contract (docs/json-lines.md).
    var event: JSONValue {
        func number(_ value: Int?) -> JSONValue { value.map { .int($0) } ?? .null }
        return .object([
            ("event", .string("origin")), ("blobs", .int(blobs)), ("bytes", .int(bytes)),
            ("sentBytes", .int(sentBytes)),
            ("diskCapacity", number(capacity)), ("diskFree", number(free)), ("full", .bool(isFull)),
            ("writeBackTasks", number(tasks)), ("writeBackOldestSeconds", number(oldestTask)),
            ("scrubbed", number(scrub?.blobs)), ("scrubOldest", number(scrub?.oldest)), ("bad", number(scrub?.bad)),
            ("mended", number(scrub?.mended)), ("broken", .array((scrub?.broken ?? []).map { .string($0) })),
        ])
    }

    var text: String {
        var lines = ["blobs       \(blobs), \(HumanText.bytes(bytes)); sent to peers \(HumanText.bytes(sentBytes))"]
        if let capacity, let free {
            let used = HumanText.percent(capacity - free, of: capacity)
            lines.append(
                "disk        \(used) of \(HumanText.bytes(capacity)) used, \(HumanText.bytes(free)) free"
                    + (isFull ? "; FULL: nothing is taken in" : ""))
        }
        if let tasks {
            let age = oldestTask.map { ", the oldest since \(HumanText.time($0))" } ?? ""
            lines.append("write-back  \(HumanText.plural(tasks, "blob")) waiting\(tasks > 0 ? age : "")")
        }
        if let scrub {
            lines.append(
                "scrub       \(HumanText.plural(scrub.blobs, "blob")) looked at, \(scrub.bad) wrong pieces, \(scrub.mended) mended"
            )
            for digest in scrub.broken { lines.append("broken      \(digest.shown)") }
        }
        return lines.joined(separator: "\n")
    }
}
