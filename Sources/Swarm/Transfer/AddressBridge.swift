import PeerWire
import Reactor
import Tracking

extension SocketAddress {
    init?(_ address: PeerAddress) { self.init(host: address.addressBytes, port: address.port) }

    init?(_ endpoint: PeerEndpoint) { self.init(host: endpoint.address, port: endpoint.port) }
}

extension PeerAddress {
    init?(_ address: SocketAddress) { self.init(addressBytes: address.host, port: address.port) }
}
