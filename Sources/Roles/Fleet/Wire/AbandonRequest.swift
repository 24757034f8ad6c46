import JSON

/// `POST /agent/v1/jobs/ID/abandon`: the sender cannot hash or publish the content of a planned job.
package struct AbandonRequest: WireMessage {
    /// The reason, for people.
    package let reason: String

    package init(reason: String) { self.reason = reason }
    package init(_ reader: WireReader) throws(WireProblem) { reason = try reader.text("reason") }
    package var json: JSONValue { ["reason": .string(reason)] }
}
