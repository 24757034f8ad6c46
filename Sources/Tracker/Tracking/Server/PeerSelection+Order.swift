import Address

extension PeerSelection {
    /// Adds peers after those that are there, each once.
    public mutating func add(ipv4: [UInt8], ipv6: [UInt8], excluding own: PeerAddress, limit: Int) {
        ipv4.withUnsafeBytes { ipv4 in
            ipv6.withUnsafeBytes { ipv6 in
                merge(ipv4: ipv4, ipv6: ipv6, excluding: own, bothFamilies: true, limit: limit, replaces: false)
            }
        }
    }

    /// Puts peers before those that are there, each once, and drops what is then over the limit.
    public mutating func putFirst(_ first: (ipv4: [UInt8], ipv6: [UInt8]), limit: Int) {
        let were4 = Array(UnsafeRawBufferPointer(start: ipv4, count: ipv4Count * 6))
        let were6 = Array(UnsafeRawBufferPointer(start: ipv6, count: ipv6Count * 18))
        reset(wantsNames: false)
        // No peer has this address, so none is left out.
        let nobody = PeerAddress(ipv4: 0, port: 0)
        add(ipv4: first.ipv4, ipv6: first.ipv6, excluding: nobody, limit: limit)
        add(ipv4: were4, ipv6: were6, excluding: nobody, limit: limit)
    }

    /// Takes these peers out.
    public mutating func remove(_ gone: [PeerAddress]) {
        let compact = Set(
            gone.map { peer in
                var bytes: [UInt8] = []
                peer.appendCompact(to: &bytes)
                return bytes
            })
        func left(_ list: UnsafeRawPointer, _ count: Int, _ width: Int) -> [UInt8] {
            (0..<count).reduce(into: []) { bytes, index in
                let entry = Array(UnsafeRawBufferPointer(start: list + index * width, count: width))
                if !compact.contains(entry) { bytes += entry }
            }
        }
        let (left4, left6) = (left(ipv4, ipv4Count, 6), left(ipv6, ipv6Count, 18))
        guard left4.count < ipv4Count * 6 || left6.count < ipv6Count * 18 else { return }
        let limit = count
        reset(wantsNames: false)
        add(ipv4: left4, ipv6: left6, excluding: PeerAddress(ipv4: 0, port: 0), limit: limit)
    }

    /// Drops peers beyond so many, those of IPv6 first.
    public mutating func shorten(to limit: Int) {
        let limit = max(0, limit)
        if count > limit { ipv6Count = max(0, limit - ipv4Count) }
        ipv4Count = min(ipv4Count, limit)
    }
}
