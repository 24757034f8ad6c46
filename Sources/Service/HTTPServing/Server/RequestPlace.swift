import Admission
import HTTPTypes
import Hummingbird
import NIOCore

/// One place among the limited number of simultaneous calls. Released when the last reference is gone.
package final class RequestPlace: Sendable {
    private let admission: Admission
    private let door: Door

    /// - Returns: nil if the limit is reached.
    package init?(_ admission: Admission, at door: Door) {
        guard admission.beginRequest(at: door) else { return nil }
        self.admission = admission
        self.door = door
    }

    deinit { admission.endRequest(at: door) }

    /// Seconds after which a client may try again.
    package static let retryAfter = "1"
    package static let refusalText = "too many requests are being answered: try again"
}

extension Admission {
    /// Reserves a place for a request. If the place must be given up, the connection is closed.
    func request(on channel: any Channel, at door: Door) -> RequestTicket? {
        request(
            from: Source(channel.remoteAddress), at: door, now: MonotonicTime.now,
            close: { channel.close(promise: nil) })
    }
}

/// Limits the number of simultaneous calls. It comes after the access check, so refused requests take no place.
package struct PlaceMiddleware: RouterMiddleware {
    package typealias Context = ServiceContext

    private let admission: Admission
    private let door: Door
    private let refuse: RefusalAnswer

    package init(_ admission: Admission, at door: Door, refuse: @escaping RefusalAnswer) {
        self.admission = admission
        self.door = door
        self.refuse = refuse
    }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let place = RequestPlace(admission, at: door) else {
            var response = refuse(request, .serviceUnavailable, RequestPlace.refusalText)
            response.headers[.retryAfter] = RequestPlace.retryAfter
            // The request body is not read.
            if request.method != .get { response.headers[.connection] = "close" }
            return response
        }
        defer { withExtendedLifetime(place) {} }
        return try await next(request, context)
    }
}
