import IndexLink
import JSON
import Registry
import Text

/// The parts of the registry as an index tells them (`GET /v1/cluster`): what it was configured with, and what its origins say of
/// themselves and of trackers.
package actor ClusterList {
    private let origins: [HTTPURL]
    private let indexes: [String]
    private let trackers: [String]
    private let peers: HTTPPeers
    /// How swarms are found, as the configuration has it; nil for what origins say.
    private let ownSwarms: SwarmTerms?
    /// What each of them said last.
    private var said: [String: JSONValue] = [:]
    private var renewal: Task<Void, Never>?

    private static let pause = Duration.seconds(10)
    /// Origins, or trackers, at most.
    private static let most = 1_000

    /// - Parameters:
    ///   - indexes: all of them; empty for this one.
    ///   - trackers: announce URLs.
    ///   - swarms: how swarms are found; nil for what origins say.
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

    /// Asks the origins now and then.
    package func start() {
        renewal = Task {
            while !Task.isCancelled {
                await renew()
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    package func stop() { renewal?.cancel() }

    /// All origins that are known: those of the configuration, and those that they know.
    package var known: [HTTPURL] { entries("origins").compactMap { $0["url"]?.stringValue.flatMap { HTTPURL($0) } } }

    /// - Parameters:
    ///   - url: by which the caller reached this index.
    ///   - terms: what the caller is told of how swarms are found.
    func json(seenAs url: String, telling terms: @Sendable (SwarmTerms) -> JSONValue?) async -> JSONValue {
        if said.count < origins.count { await renew() }
        let told = entries("trackers").compactMap(\.stringValue)
        let all = (trackers + told).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        var lists: JSONObject = [
            "origins": .array(entries("origins")),
            "indexes": .array((indexes.isEmpty ? [url] : indexes).map { .string($0) }),
            "trackers": .array(all.map { .string($0) }),
        ]
        if let told = terms(swarms) { lists["swarms"] = told }
        return .object(lists)
    }

    private var swarms: SwarmTerms {
        ownSwarms ?? origins.lazy.compactMap { SwarmTerms(json: self.said[Self.base($0)]?["swarms"]) }.first
            ?? .anyClient
    }

    private func renew() async {
        let (origins, peers) = (origins, peers)
        let answers = await withTaskGroup(of: (String, JSONValue?).self) { group in
            for origin in origins { group.addTask { (Self.base(origin), await Self.list(of: origin, peers)) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        // What an origin said holds while it is silent.
        for (origin, list) in answers { if let list { said[origin] = list } }
    }

    private static func list(of origin: HTTPURL, _ peers: HTTPPeers) async -> JSONValue? {
        guard let bytes = await peers.document(origin, "/v1/cluster") else { return nil }
        return try? JSONValue.parse(bytes, limits: JSONLimits(maxBytes: 1 << 20, maxDepth: 8, maxValues: 20_000))
    }

    /// What origins list, each entry once. Origins of the configuration that said nothing yet are there by their addresses alone.
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
