import IndexLink
import JSON
import Registry
import Text

/// The answer of an index to `GET /v1/cluster`: the registry's origins, indexes and trackers. It joins the index's
/// configuration with what the origins say in their own `/v1/cluster`.
package actor ClusterList {
    private let origins: [HTTPURL]
    private let indexes: [String]
    private let trackers: [String]
    private let peers: HTTPPeers
    /// How swarms are found, from the configuration; nil to take it from the origins.
    private let ownSwarms: SwarmTerms?
    /// The last answer of each origin, by its base URL.
    private var said: [String: JSONValue] = [:]
    private var renewal: Task<Void, Never>?
    /// The renewal that is under way.
    private var current: Task<Void, Never>?

    private static let pause = Duration.seconds(10)
    /// Most origins, and most trackers, in the list.
    private static let most = 1_000

    /// - Parameters:
    ///   - indexes: all indexes of the registry; empty if this is the only one.
    ///   - trackers: announce URLs.
    ///   - swarms: how swarms are found; nil to take it from the origins.
    package init(
        origins: [HTTPURL], indexes: [HTTPURL] = [], trackers: [String] = [], swarms: SwarmTerms? = nil,
        peers: HTTPPeers
    ) {
        ownSwarms = swarms
        self.origins = origins
        self.indexes = indexes.map(Self.base)
        self.trackers = trackers
        self.peers = peers
    }

    /// Asks the origins now, and again every ten seconds.
    package func start() {
        renewal = Task {
            while !Task.isCancelled {
                await renewed().value
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    package func stop() { renewal?.cancel() }

    /// All known origins: those of the configuration, and those that these list.
    package var known: [HTTPURL] { entries("origins").compactMap { $0["url"]?.stringValue.flatMap { HTTPURL($0) } } }

    /// - Parameters:
    ///   - url: the URL by which the caller reached this index.
    ///   - terms: the part of the swarm terms that this caller may see.
    func json(seenAs url: String, telling terms: @Sendable (SwarmTerms) -> JSONValue?) async -> JSONValue {
        // One that has answered knows the others; one that is silent is asked beside.
        if said.count < origins.count {
            let renewal = renewed()
            if said.isEmpty { await renewal.value }
        }
        let told = entries("trackers").compactMap(\.stringValue)
        let all = (trackers + told).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        var lists: JSONObject = [
            "origins": .array(entries("origins")),
            "indexes": .array((indexes.isEmpty ? [url] : indexes).map { .string($0) }),
            "trackers": .array(all.map { .string($0) }),
        ]
        if let replicas { lists["replicas"] = replicas }
        if let told = terms(swarms) { lists["swarms"] = told }
        return .object(lists)
    }

    private var swarms: SwarmTerms {
        ownSwarms ?? origins.lazy.compactMap { SwarmTerms(json: self.said[Self.base($0)]?["swarms"]) }.first
            ?? .anyClient
    }

    /// Origins that keep each blob, as an origin says it.
    private var replicas: JSONValue? { origins.lazy.compactMap { self.said[Self.base($0)]?["replicas"] }.first }

    /// Renews the list, once for all who ask meanwhile.
    private func renewed() -> Task<Void, Never> {
        if let current { return current }
        let task = Task {
            await renew()
            current = nil
        }
        current = task
        return task
    }

    private func renew() async {
        let (origins, peers) = (origins, peers)
        let answers = await withTaskGroup(of: (String, JSONValue?).self) { group in
            for origin in origins { group.addTask { (Self.base(origin), await Self.list(of: origin, peers)) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        // While an origin does not answer, its last answer stays valid.
        for (origin, list) in answers { if let list { said[origin] = list } }
    }

    private static func list(of origin: HTTPURL, _ peers: HTTPPeers) async -> JSONValue? {
        guard let bytes = await peers.document(origin, "/v1/cluster") else { return nil }
        return try? JSONValue.parse(bytes, limits: JSONLimits(maxBytes: 1 << 20, maxDepth: 8, maxValues: 20_000))
    }

    /// The entries of one list of the origins, each once. An origin of the configuration that has not answered yet is
    /// listed with its URL only.
    private func entries(_ key: String) -> [JSONValue] {
        var found: [JSONValue] = []
        var seen: Set<String> = []
        func add(_ value: JSONValue) {
            guard let text = value.stringValue ?? value["url"]?.stringValue, HTTPURL(text) != nil,
                found.count < Self.most, seen.insert(text.hasSuffix("/") ? String(text.dropLast()) : text).inserted
            else { return }
            found.append(value)
        }
        for origin in origins { for value in said[Self.base(origin)]?[key]?.arrayValue ?? [] { add(value) } }
        guard key == "origins" else { return found }
        for origin in origins { add(.object(["url": .string(Self.base(origin)), "peers": .string("")])) }
        return found
    }

    private static func base(_ url: HTTPURL) -> String { "\(url.isSecure ? "https" : "http")://\(url.authority)" }
}
