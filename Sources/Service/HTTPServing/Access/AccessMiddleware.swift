import Admission
import HTTPTypes
import Hummingbird
import NIOCore

/// The context of one request.
package struct ServiceContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The authenticated caller; nil on open paths for a request without credentials.
    package var caller: Caller?
    /// The connection over which the request came.
    let channel: any Channel
    /// Whether that connection has no TLS.
    var isPlain = false

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Reserves a place for an answer that may take as long as the client reads it. See
    /// ``Admission/request(from:at:now:close:)``.
    package func place(_ admission: Admission, at door: Door) -> Admission.RequestTicket? {
        admission.request(on: channel, at: door)
    }

    /// The remote end of the connection.
    package var origin: RequestOrigin { RequestOrigin(channel) }

    /// The address that the request came from; empty if its connection is closed.
    package var remoteAddress: String { channel.remoteAddress?.ipAddress ?? "" }

    /// The address of this host that the request came to; nil if its connection is closed.
    package var localAddress: String? { channel.localAddress?.ipAddress.map(AddressFilter.plain) }

    /// Sends files as the body of the answer.
    var sender: ConnectionSender { ConnectionSender(channel: channel, sendsSlices: isPlain) }

    /// Whether the caller has the permissions of this role.
    package func may(_ role: Role) -> Bool { caller?.role.includes(role) ?? false }

    /// Whether the caller may see the object with this name.
    package func sees(_ name: String) -> Bool { caller.map { $0.scope?.includes(name) ?? true } ?? false }
}

/// Builds the response to a refused request, in the format that the clients of a role read.
package typealias RefusalAnswer = @Sendable (Request, HTTPResponse.Status, String) -> Response

/// Refuses requests without permission, before anything except their head is examined, and answers requests for paths
/// that do not exist.
package struct AccessMiddleware: RouterMiddleware {
    package typealias Context = ServiceContext

    private let gate: RequestGuard
    private let authenticator: any Authenticator
    private let setting: String
    private let open: Set<String>
    private let challenge: @Sendable (Request) -> String
    private let refuse: RefusalAnswer
    private let failureWait: String

    /// - Parameters:
    ///   - setting: the name of the setting that holds a token, for messages.
    ///   - open: paths that only show whether the server is up. They need no credentials.
    ///   - failureWait: seconds until another token of an address is looked at that showed too many wrong ones.
    ///   - challenge: the kind of credentials that is asked for (`WWW-Authenticate`).
    package init(
        _ gate: RequestGuard, _ authenticator: any Authenticator, setting: String, open: Set<String>,
        challenge: @escaping @Sendable (Request) -> String = { _ in "Bearer" }, failureWait: Int = 1,
        refuse: @escaping RefusalAnswer
    ) {
        self.gate = gate
        self.authenticator = authenticator
        self.setting = setting
        self.open = open
        self.challenge = challenge
        self.refuse = refuse
        self.failureWait = "\(failureWait)"
    }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let authentication = await authenticator.authenticate(request.head, from: RequestOrigin(context.channel))
        let isOpen = open.contains(request.uri.path)
        if let refusal = gate.refusal(of: request.head, authentication, isOpen: isOpen) {
            return turnedAway(request, refusal.status, refusal.text(setting: setting))
        }
        var context = context
        context.caller = gate.caller(authentication)
        do {
            var response = try await next(request, context)
            // A body after the answer to HEAD is read as the next answer of the connection.
            if request.method == .head { response = response.createHeadResponse() }
            if let name = HTTPField.Name("X-Content-Type-Options") { response.headers[name] = "nosniff" }
            response.headers[.cacheControl] = "no-store"
            return response
        } catch let error as HTTPError {
            return turnedAway(
                request, error.status, error.status == .notFound ? "no such path" : error.status.reasonPhrase)
        }
    }

    private func turnedAway(_ request: Request, _ status: HTTPResponse.Status, _ text: String) -> Response {
        var response = refuse(request, status, text)
        if request.method == .head { response = response.createHeadResponse() }
        if status == .unauthorized { response.headers[.wwwAuthenticate] = challenge(request) }
        if status == .tooManyRequests { response.headers[.retryAfter] = failureWait }
        // The request body is not read, so the connection cannot serve another request.
        if request.method != .get { response.headers[.connection] = "close" }
        return response
    }
}
