import JSON

/// `POST /agent/v1/jobs/ID/abandon`: the sender could not hash or publish what it planned to send.
package struct AbandonRequest: WireMessage {
    /// For a person.
    package let reason: String

    package init(reason: String) { self.reason = reason }
    package init(_ reader: WireReader) throws(WireProblem) { reason = try reader.text("reason") }
    package var json: JSONValue { ["reason": .string(reason)] }
}
