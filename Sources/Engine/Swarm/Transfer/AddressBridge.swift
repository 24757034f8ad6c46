import Address
import Admission
import Reactor

extension SocketAddress {
    init?(_ address: PeerAddress) { self.init(host: address.addressBytes, port: address.port) }

    /// The source to which connections from this address are counted.
    var source: Source { Source(bytes: host) ?? Source(ipv4: 0) }
}

extension PeerAddress {
    init?(_ address: SocketAddress) { self.init(addressBytes: address.host, port: address.port) }
}
