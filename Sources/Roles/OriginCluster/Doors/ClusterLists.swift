import BlobNode
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Registry
import RegistryAccess

/// What an origin tells of all parts of the registry, and of itself.
struct ClusterLists: Sendable {
    let watch: ClusterWatch
    let peers: OriginPeers
    let doors: OriginDoors
    let node: BlobNode

    /// `GET /v1/cluster`. Agents find a blob's owners by `host`.
    func cluster(seenFrom request: Request, _ context: ServiceContext) -> Response {
        let placement = watch.placement
        var origins = placement.hosts.map { host -> JSONValue in
            let engine = host == placement.own ? doors.peers : watch.member(host)?.peers.map { "\($0)" } ?? ""
            return .object([
                "url": .string(peers.url(host)), "peers": .string(engine), "host": .string(host),
            ])
        }
        let seen = (doors.certificates == nil ? "http" : "https") + "://" + (request.head.authority ?? "")
        if origins.isEmpty { origins = [.object(["url": .string(seen), "peers": .string(doors.peers)])] }
        // What is about names is passed on from here, where nothing else is known.
        let indexes = doors.indexes.isEmpty ? [seen] : doors.indexes.map(\.text)
        var lists: JSONObject = [
            "origins": .array(origins), "indexes": .array(indexes.map { .string(Self.trimmed($0)) }),
            "trackers": .array(doors.trackers.map { .string($0) }),
        ]
        if let swarms = doors.swarms.json(for: context, doors.access) { lists["swarms"] = swarms }
        return .json(.object(lists))
    }

    private static func trimmed(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }

    /// What is kept here, how much of it peers were sent since the start, and which origins answer.
    func status() -> Response {
        let (figures, placement) = (node.catalogue.figures, watch.placement)
        let origins = placement.hosts.map { host -> JSONValue in
            .object([
                "host": .string(host), "up": .bool(placement.isUp(host)), "own": .bool(host == placement.own),
                "replaced": .bool(placement.gone.contains(host)),
            ])
        }
        return .json(
            .object([
                "blobs": .integer(Int64(figures.blobs)), "bytes": .integer(figures.bytes),
                "sentBytes": .integer(node.swarm.sentBytes), "origins": .array(origins),
            ]))
    }
}
