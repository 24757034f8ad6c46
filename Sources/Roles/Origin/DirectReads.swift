import HTTPServing
import HTTPTypes
import Hummingbird
import Registry
import Synchronization

/// Limits how many HTTP reads of large blobs an origin answers at a time. Clients beyond the limit are expected to use
/// the swarm.
package final class DirectReads: Sendable {
    /// One read that counts towards the limit, until its last reference is gone.
    package final class Place: Sendable {
        private let reads: DirectReads
        fileprivate init(_ reads: DirectReads) { self.reads = reads }
        deinit { reads.underWay.subtract(1, ordering: .relaxed) }
    }

    /// Default limit (the setting `direct`).
    package static let usual = 8

    private let most: Int
    private let underWay = Atomic<Int>(0)

    /// - Parameter most: 0 for no limit.
    package init(most: Int = usual) { self.most = max(0, most) }

    /// Nil if the limit is reached.
    package func place() -> Place? {
        let count = underWay.add(1, ordering: .relaxed).newValue
        let place = Place(self)
        return most == 0 || count <= most ? place : nil
    }

    package static let refusal = OCIError(
        429, .tooManyRequests, "this origin answers no more reads over HTTP now: try again, or pull by the swarm")
}

extension Response {
    /// Keeps an object alive until the last byte of the body has been sent.
    package consuming func holding(_ held: some AnyObject & Sendable) -> Response {
        let inner = body
        guard let length = inner.contentLength, length > 0 else { return self }
        body = ResponseBody(contentLength: length) { writer in
            defer { withExtendedLifetime(held) {} }
            try await inner.write(writer)
        }
        return self
    }
}
