import Address
import Admission
import BFT
import HTTPServing
import Logging
import Policy

/// The HTTP servers of a node: the API, and optionally the file server.
package final class NodeAPIServer: Sendable {
    /// Listening addresses, and the served directory.
    package struct Settings: Sendable {
        package var listen: ListenAddress
        /// nil disables the file server.
        package var www: ListenAddress?
        /// `basedatapath`; called for each request.
        package var content: @Sendable () -> String
        package var limits = NodeAPILimits()
        /// nil for plain HTTP.
        package var certificates: NodeCertificates?
        /// The budget of the process, which its other servers draw from too.
        package var admission: Admission

        package init(
            listen: ListenAddress, www: ListenAddress?, admission: Admission = Admission(),
            content: @escaping @Sendable () -> String
        ) {
            self.listen = listen
            self.www = www
            self.content = content
            self.admission = admission
        }
    }

    package let api: HTTPService
    let www: HTTPService?

    /// The listening address of the API, with the port that the system chose if it was 0.
    package var address: ListenAddress { api.address }
    package var wwwAddress: ListenAddress? { www?.address }

    private init(api: HTTPService, www: HTTPService?) {
        self.api = api
        self.www = www
    }

    /// Returns when both accept connections.
    /// - Throws: ``HTTPServiceError``; of kind `.configuration` if the API would listen on the network without a token.
    package static func start(
        _ node: some NodeCalls, settings: Settings, logger: Logger
    ) async throws(HTTPServiceError) -> NodeAPIServer {
        let token = await node.apiToken()
        guard settings.listen.isLoopback || token?.value.isEmpty == false else {
            throw HTTPServiceError(
                .configuration,
                "\(settings.listen) is reached over the network: set 'apitoken', or let 'listen' be a loopback address")
        }
        let counters = RequestCounters(name: "swoop_node_http_requests_total")
        let router = APIRouter(
            node: node, address: settings.listen, limits: settings.limits, admission: settings.admission,
            counters: counters)
        let api = try await HTTPService.start(
            router.responder(), at: settings.listen, admission: settings.admission, door: .api,
            limits: settings.limits.http, certificates: settings.certificates?.api, logger: logger)
        guard let place = settings.www else { return NodeAPIServer(api: api, www: nil) }
        do {
            let files = FileServer(
                root: settings.content, limits: settings.limits, admission: settings.admission, counters: counters)
            let www = try await HTTPService.start(
                files, at: place, admission: settings.admission, door: .files, limits: settings.limits.http,
                certificates: settings.certificates?.www, logger: logger)
            return NodeAPIServer(api: api, www: www)
        } catch {
            await api.stop()
            throw error
        }
    }

    /// Stops accepting requests and closes all connections.
    package func stop() async {
        async let first: Void = api.stop()
        await www?.stop()
        await first
    }
}
