import Address
import Bencode

/// The peers of a bencoded response, in all forms that trackers use. Invalid entries are skipped.
struct HTTPPeerList {
    /// Distinct addresses.
    private(set) var peers: [PeerAddress] = []
    /// Distinct peers whose `ip` is a host name.
    private(set) var names: [NamedPeer] = []
    private let limits: TrackerAnswerLimits
    private var seen = Set<PeerAddress>()

    init(_ answer: BencodeDictionary, limits: TrackerAnswerLimits) {
        self.limits = limits
        add(answer["peers"], family: .ipv4)
        add(answer["peers6"], family: .ipv6)
    }

    var isEmpty: Bool { peers.isEmpty && names.isEmpty }

    /// - Parameter family: family of peers in compact form; those in a list contain their own address.
    private mutating func add(_ value: BencodeValue?, family: PeerAddress.Family) {
        switch value {
        case .bytes(let records): add(compact: records.slice, family: family)
        case .list(let entries): add(entries)
        // Some programs encode a list as a dictionary from index to entry.
        case .dictionary(let entries): add(entries.entries.map(\.value))
        case .integer, nil: break
        }
    }

    /// A compact list that ends inside a record yields the complete records before it.
    private mutating func add(compact records: ArraySlice<UInt8>, family: PeerAddress.Family) {
        let whole = records.count - records.count % PeerAddress.compactLength(family)
        for peer in PeerAddress.list(compact: records.prefix(whole), family: family, limit: limits.peers) ?? [] {
            add(peer)
        }
    }

    private mutating func add(_ entries: [BencodeValue]) {
        for entry in entries.prefix(limits.peers) {
            if let record = entry.bytesValue {
                let family: PeerAddress.Family = record.count == 6 ? .ipv4 : .ipv6
                if let peer = PeerAddress(compact: record, family: family) { add(peer) }
            } else if let entry = entry.dictionaryValue {
                add(entry)
            }
        }
    }

    private mutating func add(_ entry: BencodeDictionary) {
        guard let host = entry["ip"]?.stringValue,
            let port = entry["port"].flatMap(HTTPTrackerAnswer.number).flatMap(UInt16.init(exactly:))
        else { return }
        let bare = host.first == "[" && host.last == "]" ? String(host.dropFirst().dropLast()) : host
        if let peer = PeerAddress(host: bare, port: port) {
            add(peer)
        } else if let peer = NamedPeer(host: host, port: port), names.count < limits.names, !names.contains(peer) {
            names.append(peer)
        }
    }

    private mutating func add(_ peer: PeerAddress) {
        if peers.count < limits.peers, seen.insert(peer).inserted { peers.append(peer) }
    }
}
