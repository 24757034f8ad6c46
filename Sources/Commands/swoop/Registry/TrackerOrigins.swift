import Address
import Agent
import HTTPTransport
import Hashing
import NIOCore
import NIOHTTP1
import Registry
import RegistryClient
import Synchronization
import Text
import Threads
import TrackerServer
import Tracking

/// The origins of a registry, for its tracker: which of them are up, which own a blob, and the torrents they have.
final class TrackerOrigins: Sendable {
    private struct State {
        var cluster: Cluster?
        /// By the origin's URL: whether it is up, and the number of health checks in a row with the opposite result.
        var looks: [String: (isUp: Bool, contrary: Int)] = [:]
    }

    private let view: RegistryView
    /// How swarms are found, from this host's own files; nil to take it from the registry.
    private let ownSwarms: SwarmTerms?
    private let transport: HTTPTransport
    private let state = Mutex(State())
    private let watching = Mutex<Task<Void, Never>?>(nil)

    private static let lookEvery = Duration.seconds(2)
    /// Health checks in a row after which an origin counts as down, or as up again.
    private static let (failures, successes) = (3, 2)
    private static let patience = 2.0
    private static let torrentLimit = 64 << 20
    /// Seconds for an origin's answer: it may have to wait for its back end, some ten seconds.
    private static let originPatience = 30.0

    /// - Parameters:
    ///   - first: the URL of any origin or index, which lists the others.
    ///   - others: to be asked for the list where that one does not answer.
    init(
        _ first: HTTPURL, others: [HTTPURL] = [], credential: RegistryCredential?, settings: HTTPTransportSettings,
        swarms: SwarmTerms? = nil
    ) {
        ownSwarms = swarms
        view = RegistryView(first, others: others, credential: credential, settings: settings)
        transport = HTTPTransport(settings: settings)
    }

    /// Begins to check the origins' health.
    func start() {
        let task = Task {
            while !Task.isCancelled {
                await look()
                try? await Task.sleep(for: Self.lookEvery)
            }
        }
        watching.withLock { $0 = task }
    }

    func stop() async {
        watching.withLock { $0 }?.cancel()
        await view.shutdown()
        await transport.shutdown()
    }

    var forTracker: RegistryOrigins {
        RegistryOrigins(
            owners: { self.owners(of: $0) }, admits: { self.terms.admits($0, $1, $2) },
            hidesSwarms: { self.terms.isClosed },
            metainfo: { await self.metainfo($0) })
    }

    private var terms: SwarmTerms { ownSwarms ?? state.withLock { $0.cluster?.swarms } ?? .anyClient }

    private func look() async {
        guard let cluster = try? await view.parts(now: Clocks.steadySeconds) else { return }
        state.withLock { $0.cluster = cluster }
        await withTaskGroup(of: (String, Bool).self) { group in
            for origin in cluster.origins {
                group.addTask { (origin.url.text, await self.answers(origin.url)) }
            }
            for await (url, answers) in group { note(url, answers) }
        }
    }

    private func answers(_ url: HTTPURL) async -> Bool {
        guard let health = HTTPURL("\(url.isSecure ? "https" : "http")://\(url.authority)/health") else { return false }
        guard
            let answer = try? await transport.request(
                .GET, health, headers: [:], deadline: .now() + .after(Self.patience)),
            (try? await transport.collect(answer, limit: 64 << 10, deadline: .now() + .after(Self.patience))) != nil
        else { return false }
        return answer.status == .ok
    }

    private func note(_ url: String, _ answers: Bool) {
        state.withLock { state in
            var look = state.looks[url] ?? (isUp: answers, contrary: 0)
            look.contrary = look.isUp == answers ? 0 : look.contrary + 1
            if look.contrary >= (look.isUp ? Self.failures : Self.successes) { look = (answers, 0) }
            state.looks[url] = look
        }
    }

    /// Addresses of the engines of a blob's owners that are up.
    private func owners(of blob: BlobKey) -> [PeerAddress] {
        guard let digest = BlobDigest(blob.description) else { return [] }
        let (cluster, looks) = state.withLock { ($0.cluster, $0.looks) }
        return cluster?.owners(of: digest).filter { looks[$0.url.text]?.isUp ?? true }.compactMap(\.peers).filter {
            !$0.isUnspecified
        } ?? []
    }

    /// The torrent from the first origin that has it. Origins that are up are asked first.
    private func metainfo(_ request: MetainfoRequest) async -> MetainfoAnswer {
        let (known, looks) = state.withLock { ($0.cluster, $0.looks) }
        let asked = known == nil ? try? await view.parts(now: Clocks.steadySeconds) : known
        guard let cluster = asked else { return .unavailable }
        let sorted = cluster.origins.sorted {
            (looks[$0.url.text]?.isUp ?? true) && !(looks[$1.url.text]?.isUp ?? true)
        }
        return await Self.torrent(request, from: sorted.map(\.url), transport)
    }

    /// The torrent from the first of these origins that has it; otherwise the first refusal.
    static func torrent(
        _ request: MetainfoRequest, from origins: [HTTPURL], _ transport: HTTPTransport
    ) async -> MetainfoAnswer {
        var refusal: MetainfoAnswer?
        for origin in origins {
            guard let url = HTTPURL("\(origin.isSecure ? "https" : "http")://\(origin.authority)\(request.path)") else {
                continue
            }
            var headers: HTTPHeaders = [:]
            if let authorization = request.authorization { headers.add(name: "Authorization", value: authorization) }
            guard
                let answer = try? await transport.request(
                    .GET, url, headers: headers, deadline: .now() + .after(originPatience)),
                let body = try? await transport.collect(
                    answer, limit: torrentLimit, deadline: .now() + .after(30))
            else { continue }
            if answer.status == .ok { return .torrent(body) }
            if answer.status == .accepted { return .fetching(Array(body.prefix(4096))) }
            refusal =
                refusal
                ?? .refused(
                    status: Int(answer.status.code), String(decoding: body.prefix(4096), as: UTF8.self))
            // Another origin may have the blob. But all origins refuse the same callers.
            if [401, 403].contains(answer.status.code) { break }
        }
        return refusal ?? .unavailable
    }
}

extension SwarmTerms {
    /// Whether an announce proves that its peer knows the secret, and so may learn the blob's owners. The tracker does
    /// not know which NAMEs are open: clients of those find an origin among the ordinary peers.
    func admits(_ swarm: SwarmKey, _ blob: BlobKey, _ proof: BlobKey?) -> Bool {
        guard isClosed else { return true }
        guard let secret, let proof, let swarm = SHA1Digest(bytes: swarm.bytes),
            let blob = SHA256Digest(bytes: blob.bytes)
        else { return false }
        let (right, shown) = (secret.proof(swarm: swarm, blob: blob).bytes, proof.bytes)
        return zip(right, shown).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
