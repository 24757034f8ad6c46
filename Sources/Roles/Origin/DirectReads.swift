import Admission
import HTTPServing
import HTTPTypes
import Hummingbird
import Registry

/// Limits how many HTTP reads of large blobs an origin answers at a time. Clients beyond the limit are expected to use
/// the swarm. When all places are taken, a read that has not moved for a while gives its place up.
package final class DirectReads: Sendable {
    /// Default limit (the setting `direct`).
    package static let usual = 8

    /// A budget of requests alone; nil without a limit.
    private let places: Admission?

    /// - Parameter most: 0 for no limit.
    package init(most: Int = usual) {
        guard most > 0 else {
            places = nil
            return
        }
        var limits = AdmissionLimits(descriptors: 0)
        limits.requests = [.files: most]
        // Whoever reads on keeps its place, however many it has.
        limits.share = most
        places = Admission(limits: limits)
    }

    /// A place for one read, which counts until its last reference is gone; nil where there is no limit.
    package func place(in context: ServiceContext) throws(OCIError) -> Admission.RequestTicket? {
        guard let places else { return nil }
        guard let place = context.place(places, at: .files) else { throw Self.refusal }
        return place
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
