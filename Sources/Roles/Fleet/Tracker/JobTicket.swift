import Hashing
import Text

/// What a node shows at trackers that are no controls: its id, and a code that only control can make, and who has the job's key for
/// tickets. It ends with the job.
package enum JobTicket {
    /// `n-….` and 64 hexadecimal digits.
    package static func make(for node: NodeID, key: [UInt8]) -> Secret {
        Secret("\(node).\(Hexadecimal.encode(code(of: Array(node.description.utf8), HMACSHA256(key: key))))")
    }

    /// - Parameters:
    ///   - holder: the node's id, as it came.
    ///   - shown: the code that it shows.
    package static func isInForce(_ holder: [UInt8], _ shown: [UInt8], _ key: HMACSHA256) -> Bool {
        let wanted = code(of: holder, key)
        guard shown.count == wanted.count else { return false }
        // The time that it takes says nothing of how much is right.
        return zip(shown, wanted).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func code(of holder: [UInt8], _ key: HMACSHA256) -> [UInt8] {
        key.code(of: Array("ticket ".utf8) + holder).bytes
    }

    /// A tracker's announce URL with the ticket.
    package static func url(_ tracker: String, _ ticket: Secret?) -> String {
        guard let ticket else { return tracker }
        return tracker + (tracker.utf8.contains(UInt8(ascii: "?")) ? "&" : "?") + "ticket=" + ticket.value
    }
}
