import Fleet
import FleetStore
import JSON

/// Something that webhooks are told of.
struct WebhookEvent: Sendable, Hashable {
    /// `job.done`, `node.away`.
    let name: String
    let detail: JSONValue

    /// Nil for a change that webhooks are not told of.
    /// - Parameter before: the state that a job had before the change.
    init?(_ change: ChangeRecord, before: String?) {
        switch change.kind {
        case "notice":
            guard let action = change.doc["action"]?.stringValue else { return nil }
            name = action
            detail = change.doc["doc"] ?? [:]
        case "job":
            guard let state = change.doc["state"]?.stringValue.flatMap(JobState.init), state.rawValue != before,
                state.hasEnded || state == .held
            else { return nil }
            name = "job.\(state.rawValue)"
            detail = change.doc
        default: return nil
        }
    }

    func body(_ change: ChangeRecord) -> String {
        JSONValue.object([
            "event": .string(name), "id": .string("\(change.id)-\(change.subject)"),
            "time": .string(Timestamp.text(change.at)), "subject": .string(change.subject), "detail": detail,
        ]).text
    }
}
