/// The sequence of an agent's sync requests, as control sees it. Each request has a number one above the last, a random
/// id, and the nonce of the previous answer. With these, control detects repeated requests, and two hosts that use the
/// same key.
package struct SyncSequence: Sendable, Hashable {
    /// Number of request ids that are remembered.
    package static let memory = 64

    package private(set) var last: UInt64
    /// The nonce in the answer to the last request; empty before the first.
    package private(set) var nonce: String
    /// Ids of recent requests, oldest first.
    package private(set) var requests: [String]
    package private(set) var isCloned: Bool
    /// Whether another control may have answered the last number, or later ones: its nonce is not known here.
    private var isBehind = false

    package init(last: UInt64 = 0, nonce: String = "", requests: [String] = [], isCloned: Bool = false) {
        self.last = last
        self.nonce = nonce
        self.requests = requests
        self.isCloned = isCloned
    }

    package enum Outcome: Sendable, Hashable {
        case accepted
        /// The last request again, since the agent did not get the answer. It gets the same answer.
        case repeated
        /// The number is ahead of the last one stored: control's database was restored from a backup.
        case ahead
    }

    package enum Refusal: Error, Sendable, Hashable {
        /// A repetition of a request that was answered, and that is not the last one.
        case replayed
        /// A number that is already used with an id that is not known, or the next number with a wrong nonce: two hosts
        /// use one key.
        case cloned
    }

    /// Call for each request.
    /// - Parameters:
    ///   - number: 1 for the first.
    ///   - request: its random id. An agent repeats it only if it did not get the answer.
    ///   - returned: the nonce of the last answer that the agent received; empty before the first.
    ///   - next: the nonce that the answer to this request will carry.
    package mutating func receive(
        _ number: UInt64, request: String, returning returned: String, next: String
    ) throws(Refusal) -> Outcome {
        guard number > last else {
            if number == last, requests.last == request { return .repeated }
            guard requests.contains(request) else { throw clone() }
            throw .replayed
        }
        let isNext = number == last + 1
        guard !isNext || returned == nonce || isBehind else { throw clone() }
        isBehind = false
        last = number
        nonce = next
        requests.append(request)
        if requests.count > Self.memory { requests.removeFirst(requests.count - Self.memory) }
        return isNext ? .accepted : .ahead
    }

    /// Another control has heard of the agent since: what this one knows may be old.
    package mutating func wasElsewhere() { isBehind = true }

    private mutating func clone() -> Refusal {
        isCloned = true
        return .cloned
    }

    /// Ends the cloned state: one of the two hosts has joined with a new key.
    package mutating func settle() { isCloned = false }
}
