import Address
import HTTPTransport
import Synchronization
import Text
import TrackerServer

/// The origin of a registry on one machine, as the tracker in the same process sees it: it owns every blob.
final class OwnOrigin: Sendable {
    private let peers: PeerAddress?
    private let transport: HTTPTransport
    /// Known when it listens, which is after the tracker does.
    private let url = Mutex<HTTPURL?>(nil)

    /// - Parameters:
    ///   - peers: where it takes peers.
    ///   - pin: of the certificate that it shows.
    init(_ peers: PeerAddress?, pin: CertificatePin?) {
        self.peers = peers.flatMap { $0.isUnspecified ? nil : $0 }
        var settings = HTTPTransportSettings()
        settings.pin = pin
        transport = HTTPTransport(settings: settings)
    }

    func isServed(at url: HTTPURL?) { self.url.withLock { $0 = url } }

    func stop() async { await transport.shutdown() }

    var forTracker: RegistryOrigins {
        RegistryOrigins(
            owners: { _ in self.peers.map { [$0] } ?? [] },
            metainfo: { request in
                guard let url = self.url.withLock({ $0 }) else { return .unavailable }
                return await TrackerOrigins.torrent(request, from: [url], self.transport)
            })
    }
}
