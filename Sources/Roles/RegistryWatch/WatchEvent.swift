import JSON
import Registry

/// An event that an index sends to agents.
package enum WatchEvent: Sendable, Hashable {
    /// The tag was put, and now refers to this digest.
    case tagged(Reference, BlobDigest)
    /// The agent is to pull the reference, and to report its progress under the id.
    case warm(id: String, Reference)

    package var name: ContentName {
        switch self {
        case .tagged(let reference, _), .warm(_, let reference): reference.name
        }
    }

    package var json: JSONValue {
        switch self {
        case .tagged(let reference, let digest):
            .object([
                "type": .string("tag"), "reference": .string(reference.description),
                "digest": .string(digest.description),
            ])
        case .warm(let id, let reference):
            .object([
                "type": .string("warm"), "reference": .string(reference.description), "id": .string(id),
            ])
        }
    }

    /// Nil for an event of an unknown type, and for a malformed one.
    package init?(_ value: JSONValue) {
        guard let reference = value["reference"]?.stringValue.flatMap({ Reference($0) }) else { return nil }
        switch value["type"]?.stringValue {
        case "tag":
            guard let digest = value["digest"]?.stringValue.flatMap({ BlobDigest($0) }) else { return nil }
            self = .tagged(reference, digest)
        case "warm":
            guard let id = value["id"]?.stringValue, WatchID.isValid(id) else { return nil }
            self = .warm(id: id, reference)
        default: return nil
        }
    }
}

/// Random ids of agents and of warmings: 128 bits as 32 hexadecimal digits, so that nobody can guess one.
package enum WatchID {
    package static func random() -> String {
        (0..<2).map { _ in
            let part = String(UInt64.random(in: 0 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - part.utf8.count) + part
        }.joined()
    }

    package static func isValid(_ text: String) -> Bool {
        text.utf8.count == 32 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// The reply to `GET /v1/watch`.
package struct WatchReply: Sendable, Hashable {
    /// Random id of the index's current run. With another epoch the numbers of events begin anew.
    package let epoch: String
    /// The number of the last event that this reply covers, be it included or left out because it is not for this
    /// agent.
    package let last: Int64
    /// Whether the agent missed events that the index no longer has.
    package let hasGap: Bool
    package let events: [WatchEvent]
    /// When the index made the reply, by its clock, in seconds since 1970. Nil if more events are waiting, and from an
    /// index that does not send it.
    package let time: Double?

    init(epoch: String, last: Int64, hasGap: Bool, events: [WatchEvent], time: Double?) {
        self.epoch = epoch
        self.last = last
        self.hasGap = hasGap
        self.events = events
        self.time = time
    }

    package var json: JSONValue {
        .object([
            "epoch": .string(epoch), "last": .integer(last), "gap": .bool(hasGap),
            "events": .array(events.map(\.json)), "time": time.map { .integer(Int64($0)) } ?? .null,
        ])
    }

    /// Nil for a malformed reply. Events of an unknown type are skipped.
    package init?(_ value: JSONValue) {
        guard let epoch = value["epoch"]?.stringValue, WatchID.isValid(epoch), case .integer(let last)? = value["last"],
            let events = value["events"]?.arrayValue
        else { return nil }
        self.epoch = epoch
        self.last = last
        hasGap = value["gap"] == .bool(true)
        self.events = events.compactMap { WatchEvent($0) }
        // Times in seconds that a calendar has.
        time = value["time"]?.lenientInteger.flatMap { (0...1 << 38).contains($0) ? Double($0) : nil }
    }
}
