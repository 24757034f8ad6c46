import Files
import Hashing
import JSON
import Registry
import Synchronization

/// Content of followed tags, which stays in the cache. Pure.
package struct FollowedContent: Sendable, Hashable {
    package struct Entry: Sendable, Hashable {
        package let reference: Reference
        package let blobs: [SHA256Digest]
    }

    /// The latest pull is the last entry.
    package private(set) var entries: [Entry] = []

    /// Most tags.
    package static let most = 10_000

    package init() {}

    package var blobs: Set<SHA256Digest> { Set(entries.flatMap(\.blobs)) }

    /// Sets the blobs of a tag. Those that it had before are no longer followed.
    package mutating func add(_ reference: Reference, _ blobs: [SHA256Digest]) {
        entries.removeAll { $0.reference == reference }
        entries.append(Entry(reference: reference, blobs: blobs))
        if entries.count > Self.most { entries.removeFirst(entries.count - Self.most) }
    }

    /// Removes the oldest followed tag of a name, to free space for a newer one.
    /// - Returns: false if no tag of the name is followed.
    package mutating func dropOldest(of name: ContentName) -> Bool {
        guard let place = entries.firstIndex(where: { $0.reference.name == name }) else { return false }
        entries.remove(at: place)
        return true
    }

    /// Removes all entries that the agent no longer follows.
    package mutating func keep(where isFollowed: (Reference) -> Bool) {
        entries.removeAll { !isFollowed($0.reference) }
    }

    // MARK: On the disk

    package var json: JSONValue {
        .array(
            entries.map { entry in
                .object([
                    "reference": .string(entry.reference.description),
                    "blobs": .array(entry.blobs.map { .string($0.hex) }),
                ])
            })
    }

    /// Skips malformed entries.
    package init(_ value: JSONValue) {
        for entry in (value.arrayValue ?? []).suffix(Self.most) {
            guard let reference = entry["reference"]?.stringValue.flatMap({ Reference($0) }),
                let blobs = entry["blobs"]?.arrayValue
            else { continue }
            add(reference, blobs.compactMap { $0.stringValue.flatMap { SHA256Digest(hex: $0) } })
        }
    }
}

/// The followed content of this host, kept in a file over restarts. Thread-safe; changes block.
package final class FollowedTable: Sendable {
    private let path: SystemPath
    private let content: Mutex<FollowedContent>

    private static let mostBytes = 64 << 20

    /// Reads the file that an earlier run wrote.
    /// - Parameter directory: the agent's cache.
    init(directory: String) {
        path = SystemPath(directory + "/followed.json")
        let limits = JSONLimits(maxBytes: Self.mostBytes, maxDepth: 8, maxValues: 4_000_000)
        let bytes = try? HeldFile(path).readAll(limit: Self.mostBytes)
        let value = bytes.flatMap { try? JSONValue.parse($0, limits: limits) }
        content = Mutex(value.map { FollowedContent($0) } ?? FollowedContent())
    }

    package var blobs: Set<SHA256Digest> { content.withLock(\.blobs) }
    package var current: FollowedContent { content.withLock { $0 } }

    package func change<Value>(_ body: (inout FollowedContent) -> Value) -> Value {
        content.withLock { content in
            let before = content
            let value = body(&content)
            // If the file cannot be written, the cache may remove followed content after a restart.
            if content != before, let (directory, name) = try? HeldDirectory.holding(path) {
                try? directory.replace(name, with: content.json.encode(), temporary: .random(prefix: ".followed-"))
            }
            return value
        }
    }
}
