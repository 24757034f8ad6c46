import Address
import Admission
import HTTPServing
import HTTPTypes
import Hummingbird
import Identity
import Logging
import Threads

/// Control's HTTPS server for agents: TLS 1.3, with certificates of control's authority on both sides.
package final class LinkDoor: Sendable {
    private let server: HTTPService
    private let renewal: Task<Void, Never>

    /// Interval at which the server checks its own certificate. It is renewed when two thirds of its validity are over.
    private static let look = Duration.seconds(3600)

    /// Starts the server. The authority issues its certificate for a key that exists only in this process.
    /// - Parameters:
    ///   - names: host names and addresses under which agents reach this control. Those of this machine are added.
    ///   - clock: seconds since 1970.
    package static func start(
        _ service: any LinkService, at address: ListenAddress, authority: Authority, names: [String],
        logger: Logger, clock: @escaping @Sendable () -> Double = { Clocks.wallSeconds }
    ) async throws(HTTPServiceError) -> LinkDoor {
        let own = await Threads.offload { ServerName.ofThisHost() }
        let certificate = LinkServerCertificate(
            authority, names: (names + own).reduce(into: []) { if !$0.contains($1) { $0.append($1) } })
        let trusted = authority.trusted
        let certificates: Certificates
        do {
            let (configuration, leaf) = try certificate.make(at: clock())
            certificates = try Certificates(configuration, leaf: leaf) { LinkTLS.admits($0, by: trusted) }
        } catch {
            throw HTTPServiceError(.configuration, "no certificate can be made for \(address): \(error)")
        }
        let router = Router(context: ServiceContext.self)
        router.add(middleware: UnknownPaths())
        LinkRoutes(service, authority: trusted, clock: clock).add(to: router)
        let server = try await HTTPService.start(
            router.buildResponder(), at: address, admission: Admission(limits: admission), door: .api, limits: limits,
            certificates: certificates, logger: logger)
        let renewal = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: look)
                guard certificate.isDue(at: clock()) else { continue }
                do {
                    let (configuration, leaf) = try certificate.make(at: clock())
                    try certificates.replace(configuration, leaf: leaf)
                } catch {
                    logger.error("the door for agents keeps its old certificate", metadata: ["error": "\(error)"])
                }
            }
        }
        return LinkDoor(server, renewal)
    }

    private init(_ server: HTTPService, _ renewal: Task<Void, Never>) {
        self.server = server
        self.renewal = renewal
    }

    /// The address on which it listens, with the port that the system chose if it was 0.
    package var address: ListenAddress { server.address }

    /// Stops the server. Returns when the last answer has been sent, so the caller must first end the syncs that wait.
    package func stop() async {
        renewal.cancel()
        await server.stop()
    }

    // Each agent keeps a connection open and waits at it. Thousands of them may share one address behind a NAT.
    private static var admission: AdmissionLimits {
        var limits = AdmissionLimits.ofThisProcess()
        limits.connections[.api] = 65_536
        limits.halfOpen[.api] = 16_384
        limits.requests[.api] = 65_536
        limits.share = 16
        return limits
    }

    private static var limits: HTTPLimits {
        var limits = HTTPLimits()
        // Longer than the longest possible interval between two requests of an agent.
        limits.keepAlive = .seconds(4000)
        limits.stall = .seconds(4000)
        limits.headTime = .seconds(30)
        return limits
    }
}

/// Answers for paths and methods that do not exist, and for handlers that fail.
private struct UnknownPaths: RouterMiddleware {
    typealias Context = ServiceContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do { return try await next(request, context) } catch let error as HTTPError {
            let isUnknown = error.status == .notFound
            var response = Response.problem(
                isUnknown
                    ? .noPath : LinkRefusal(error.status.code, "refused", error.status.reasonPhrase.lowercased()))
            if request.method != .get { response.headers[.connection] = "close" }
            return response
        }
    }
}
