import JSON
import Registry
import Text

/// The JSON documents of the answers of `/v1`.
enum IndexDocuments {
    static func record(_ record: TagRecord, of name: ContentName, isMutable: Bool) -> JSONValue {
        .object([
            "name": .string(name.text), "tag": .string(record.tag.text), "digest": .string(record.digest.description),
            "updated": .string(time(record.at)), "mutable": .bool(isMutable),
        ])
    }

    static func entry(_ record: TagRecord) -> JSONValue {
        .object([
            "tag": .string(record.tag.text), "digest": .string(record.digest.description),
            "updated": .string(time(record.at)),
        ])
    }

    static func event(_ event: TagEvent) -> JSONValue {
        .object([
            "id": .integer(event.id), "tag": .string(event.tag.text),
            "action": event.isDeletion ? "deleted" : "put",
            "digest": event.digest.map { .string($0.description) } ?? .null,
            "when": .string(time(event.act.at)), "who": .string(event.act.who),
            "address": .string(event.act.address),
        ])
    }

    /// A page of a list: the first `limit` of `entries`. If there are more, `next` is the value of `after` for the next
    /// request.
    static func page<Entry>(
        _ key: String, _ entries: [Entry], _ limit: Int, name: ContentName? = nil, after: (Entry) -> String,
        _ value: (Entry) -> JSONValue
    ) -> JSONValue {
        let shown = entries.prefix(limit)
        var members = JSONObject()
        if let name { members["name"] = .string(name.text) }
        members[key] = .array(shown.map(value))
        members["next"] = entries.count > limit ? shown.last.map { .string(after($0)) } ?? .null : .null
        return .object(members)
    }

    static func replication(_ task: ReplicationTask) -> JSONValue {
        .object([
            "remote": .string(task.remote), "digest": .string(task.digest.description),
            "state": task.due == nil ? "conflict" : "waiting", "failures": .integer(Int64(task.failures)),
            "problem": .string(task.problem),
        ])
    }

    static func resolution(_ resolution: Resolution) -> JSONValue {
        var members: JSONObject = ["name": .string(resolution.reference.name.text)]
        if case .tag(let tag) = resolution.reference.version { members["tag"] = .string(tag.text) }
        members["digest"] = .string(resolution.digest.description)
        members["mutable"] = .bool(resolution.isMutable)
        // A manifest is JSON in UTF-8, so a text holds its exact bytes.
        members["manifests"] = .array(
            resolution.manifests.map { manifest in
                .object([
                    "digest": .string(manifest.digest.description), "mediaType": .string(manifest.mediaType),
                    "text": .string(String(decoding: manifest.bytes, as: UTF8.self)),
                ])
            })
        members["blobs"] = .array(resolution.blobs.map(blob))
        return .object(members)
    }

    private static func blob(_ blob: Resolution.Blob) -> JSONValue {
        var members: JSONObject = ["digest": .string(blob.digest.description)]
        if let size = blob.size { members["size"] = .integer(size) }
        if let fact = blob.fact {
            if let hash = fact.infoHash { members["infoHash"] = .string(hash.hex) }
            if let hash = fact.infoSHA256 { members["infoSHA256"] = .string(hash.hex) }
            if let content = fact.content { members["content"] = .string(Base64.encode(content)) }
        }
        return .object(members)
    }

    /// A time in UTC, as RFC 3339 writes it, from milliseconds since 1970.
    static func time(_ milliseconds: Int64) -> String {
        let (days, rest) = (
            floored(milliseconds, 86_400_000), milliseconds &- floored(milliseconds, 86_400_000) &* 86_400_000
        )
        let date = CivilDate(daysSince1970: days)
        let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60)
        return "\(zeroPadded(date.year, 4))-\(zeroPadded(date.month))-\(zeroPadded(date.day))T"
            + "\(zeroPadded(hours)):\(zeroPadded(minutes)):\(zeroPadded(seconds))Z"
    }

    private static func floored(_ number: Int64, _ divisor: Int64) -> Int64 {
        number / divisor - (number % divisor < 0 ? 1 : 0)
    }
}
