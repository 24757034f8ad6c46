/// The numbers that an agent's requests carry, as control sees them. Each is one more than the one before, has an id of its
/// own, and returns the nonce of the answer before it. So control finds out requests that come once more, and two hosts that
/// have the same key.
package struct SyncSequence: Sendable, Hashable {
    /// Ids of this many requests are remembered.
    package static let memory = 64

    package private(set) var last: UInt64
    /// What the answer to the last request carried; empty before the first.
    package private(set) var nonce: String
    /// Ids of the last requests, the last at the end.
    package private(set) var requests: [String]
    package private(set) var isCloned: Bool

    package init(last: UInt64 = 0, nonce: String = "", requests: [String] = [], isCloned: Bool = false) {
        self.last = last
        self.nonce = nonce
        self.requests = requests
        self.isCloned = isCloned
    }

    package enum Outcome: Sendable, Hashable {
        case accepted
        /// The last request again, as its answer was lost: it is answered as before.
        case repeated
        /// The agent is further than control remembers: control was restored from a copy.
        case ahead
    }

    package enum Refusal: Error, Sendable, Hashable {
        /// A request that was answered, and others after it.
        case replayed
        /// A number that was used, with an id that nobody saw, or one that follows no answer of ours: two hosts with one key.
        case cloned
    }

    /// A request arrives.
    /// - Parameters:
    ///   - number: 1 for the first.
    ///   - request: random, the same only where the agent asks again without having had an answer.
    ///   - returned: the nonce of the last answer that the agent has; empty before the first.
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
        guard !isNext || returned == nonce else { throw clone() }
        last = number
        nonce = next
        requests.append(request)
        if requests.count > Self.memory { requests.removeFirst(requests.count - Self.memory) }
        return isNext ? .accepted : .ahead
    }

    private mutating func clone() -> Refusal {
        isCloned = true
        return .cloned
    }

    /// One of the hosts has joined anew, the other goes on.
    package mutating func settle() { isCloned = false }
}
