import JSON
import Jobs
import Policy

/// Jobs as `/v1/jobs` shows them: figures as numbers, in bytes and bytes per second, nothing of the front end's words.
extension JobStatus {
    var json: JSONValue {
        var members: JSONObject = [
            "name": .string(name), "state": .string(state.rawValue), "totalBytes": .integer(totalBytes),
            "localBytes": .integer(localBytes), "receivedBytes": Self.json(received) { .integer($0) },
            "pendingBytes": Self.json(pending) { .integer($0) },
            "rates": Self.json(rates) { .integer(Int64(max(0, $0.rounded()))) },
            "uploadRate": .integer(Int64(max(0, upload.rounded()))), "seeding": .bool(isSeeding),
            "notes": .string(notes), "began": Self.json(record.began), "completed": Self.json(record.completed),
        ]
        if let efficiency, let ratio = efficiency.ratio {
            members["efficiency"] = .object([
                "ratio": .double(ratio), "limit": .string(efficiency.limit?.rawValue ?? "unknown"),
            ])
        }
        return .object(members)
    }

    private static func json<Value>(_ values: PerMethod<Value>, _ value: (Value) -> JSONValue) -> JSONValue {
        var members = JSONObject()
        for method in DeliveryMethod.allCases { members[method.rawValue] = value(values[method]) }
        return .object(members)
    }

    /// RFC 3339, in UTC; null for what has not happened.
    private static func json(_ instant: Instant?) -> JSONValue {
        guard let instant, abs(instant.seconds) < 1e11 else { return .null }
        let text = LocalTime(epochSeconds: Int64(instant.seconds)).description
        return .string(text.split(separator: " ").joined(separator: "T") + "Z")
    }
}
