import Address
import HTTPTransport
import Registry
import Synchronization
import Text
import TrackerServer

/// The only origin of a registry on one machine, for the tracker in the same process. It owns every blob.
final class OwnOrigin: Sendable {
    private let peers: PeerAddress?
    private let transport: HTTPTransport
    private let swarms: SwarmTerms
    /// Nil until the origin listens, which is after the tracker does.
    private let url = Mutex<HTTPURL?>(nil)

    /// - Parameters:
    ///   - peers: the address of the origin's engine.
    ///   - pin: the pin of the origin's certificate; nil if authorities vouch for it, or without TLS.
    ///   - swarms: how swarms are found.
    init(_ peers: PeerAddress?, pin: CertificatePin?, swarms: SwarmTerms) {
        self.swarms = swarms
        self.peers = peers.flatMap { $0.isUnspecified ? nil : $0 }
        var settings = HTTPTransportSettings()
        settings.pin = pin
        transport = HTTPTransport(settings: settings)
    }

    func isServed(at url: HTTPURL?) { self.url.withLock { $0 = url } }

    func stop() async { await transport.shutdown() }

    var forTracker: RegistryOrigins {
        RegistryOrigins(
            owners: { _ in self.peers.map { [$0] } ?? [] }, admits: { self.swarms.admits($0, $1, $2) },
            hidesSwarms: { self.swarms.isClosed },
            metainfo: { request in
                guard let url = self.url.withLock({ $0 }) else { return .unavailable }
                return await TrackerOrigins.torrent(request, from: [url], self.transport)
            })
    }
}
