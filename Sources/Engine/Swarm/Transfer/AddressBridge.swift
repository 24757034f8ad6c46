import Address
import Admission
import Reactor

extension SocketAddress {
    init?(_ address: PeerAddress) { self.init(host: address.addressBytes, port: address.port) }

    /// Whose share of the budget a connection from here is.
    var source: Source { Source(bytes: host) ?? Source(ipv4: 0) }
}

extension PeerAddress {
    init?(_ address: SocketAddress) { self.init(addressBytes: address.host, port: address.port) }
}
