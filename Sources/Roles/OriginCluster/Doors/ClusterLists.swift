import BlobNode
import HTTPServing
import HTTPTypes
import Hummingbird
import JSON
import Origin
import Registry
import RegistryAccess

/// Lists of the registry's parts, and this origin's status.
struct ClusterLists: Sendable {
    let watch: ClusterWatch
    let peers: OriginPeers
    let doors: OriginDoors
    let node: BlobNode

    /// `GET /v1/cluster`. Agents use `host` and `replicas` to find out the owners of a blob.
    func cluster(seenFrom request: Request, _ context: ServiceContext) async -> Response {
        let placement = watch.placement
        let own = SeenAddress(request, context).peers(doors.peers)
        // Whoever asks keeps the list for a while: without an engine's address it would do without that origin.
        let engines = await watch.engines(of: placement.hosts.filter { $0 != placement.own && placement.isUp($0) })
        var origins = placement.hosts.map { host -> JSONValue in
            let known = engines[host] ?? watch.member(host)?.peers
            let engine = host == placement.own ? own : known.map { "\($0)" } ?? ""
            return .object([
                "url": .string(peers.url(host)), "peers": .string(engine), "host": .string(host),
            ])
        }
        let seen = (doors.certificates == nil ? "http" : "https") + "://" + (request.head.authority ?? "")
        if origins.isEmpty { origins = [.object(["url": .string(seen), "peers": .string(own)])] }
        // Without indexes, requests about names come to this origin, which forwards them.
        let indexes = doors.indexes.isEmpty ? [seen] : doors.indexes.map(\.text)
        var lists: JSONObject = [
            "origins": .array(origins), "indexes": .array(indexes.map { .string(Self.trimmed($0)) }),
            "trackers": .array(doors.trackers.map { .string($0) }), "replicas": .integer(Int64(placement.replicas)),
        ]
        if let swarms = doors.swarms.json(for: context, doors.access) { lists["swarms"] = swarms }
        return .json(.object(lists))
    }

    private static func trimmed(_ url: String) -> String { url.hasSuffix("/") ? String(url.dropLast()) : url }

    /// `GET /v1/status`: number and bytes of blobs here, bytes sent to peers since the start, and which origins answer.
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
