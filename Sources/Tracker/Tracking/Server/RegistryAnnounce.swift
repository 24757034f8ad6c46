import Address
import Text

/// What an agent of a registry adds to its announce over HTTP.
public struct RegistryAnnounce: Sendable {
    /// The blob that the swarm moves (`digest=sha256:…`).
    public var digest: BlobKey?
    /// That the asking peer knows the secret of the registry's swarms (`proof=` and 64 hexadecimal digits).
    public var proof: BlobKey?
    /// Stands for the name of the asking peer's site (`site=NAME`): equal for equal names.
    public var site: UInt64?
    /// Peers that it could not connect to (`unreached=`, `unreached6=`: compact addresses).
    public var unreached: [PeerAddress] = []

    /// Peers that one announce may name.
    public static let mostUnreached = 32
    /// Bytes of a site's name.
    public static let longestSite = 128

    public init() {}

    /// Parses the parameters of a query; `AnnounceQuery` has parsed the others.
    public static func parse(_ query: UnsafeRawBufferPointer) throws(TrackerRefusal) -> RegistryAnnounce {
        var result = RegistryAnnounce()
        var parameters = QueryParameters(query)
        while let pair = parameters.next() {
            if pair.isNamed("digest") {
                guard let digest = BlobKey(query: pair.value), result.digest == nil else {
                    throw TrackerRefusal("digest must be sha256: and 64 lower-case hexadecimal digits, once")
                }
                result.digest = digest
            } else if pair.isNamed("proof") {
                guard let text = text(pair.value, most: 2 * BlobKey.byteCount),
                    let proof = BlobKey(text: Array("sha256:".utf8) + text), result.proof == nil
                else { throw TrackerRefusal("proof must be 64 lower-case hexadecimal digits, once") }
                result.proof = proof
            } else if pair.isNamed("site") {
                guard let name = text(pair.value, most: longestSite), result.site == nil else {
                    throw TrackerRefusal("site must be a name of up to 128 bytes, once")
                }
                // FNV-1a: only equality matters, and whoever makes two names equal says no more than one who lies.
                result.site =
                    name.isEmpty
                    ? nil : name.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
            } else if pair.isNamed("unreached") {
                try result.add(pair.value, .ipv4)
            } else if pair.isNamed("unreached6") {
                try result.add(pair.value, .ipv6)
            }
        }
        return result
    }

    private mutating func add(_ value: UnsafeRawBufferPointer, _ family: PeerAddress.Family) throws(TrackerRefusal) {
        let most = Self.mostUnreached * PeerAddress.compactLength(family)
        guard let bytes = Self.text(value, most: most),
            let list = PeerAddress.list(compact: bytes, family: family, limit: Self.mostUnreached)
        else { throw TrackerRefusal("unreached must be up to 32 compact addresses") }
        unreached += list
    }

    private static func text(_ value: UnsafeRawBufferPointer, most: Int) -> [UInt8]? {
        guard value.count <= 3 * most else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: most, alignment: 1) { room in
            PercentEncoding.decode(value, into: room).map { Array(room[..<$0]) }
        }
    }
}
