import Address
import HTTPTransport
import Hashing
import JSON
import Metainfo
import Registry
import RegistryClient
import Synchronization
import Text
import Threads

/// A registry as this host sees it: the list of its parts, and requests to them. A known list stays in use even if the
/// server that it came from is gone.
package actor RegistryView {
    private let first: HTTPURL
    private let others: [HTTPURL]
    private let credential: RegistryCredential?
    private let settings: HTTPTransportSettings
    private let ownTrackers: [String]?
    private var clients: [ClientKey: RegistryClient] = [:]
    private var silences = Silences()
    private var renewing: Task<Void, Never>?
    private(set) package var cluster: Cluster? {
        didSet { originPeers.withLock { [cluster] in $0 = Set(cluster?.origins.compactMap(\.peers) ?? []) } }
    }
    /// Addresses of the origins' engines.
    private let originPeers = Mutex<Set<PeerAddress>>([])
    /// Time at which the list is due for renewal, in seconds of a monotonic clock; 0 before the first request for it in
    /// this run has ended.
    private var renewAt = 0.0
    private let keep: @Sendable (Cluster) -> Void

    private struct ClientKey: Hashable {
        let url: HTTPURL
        /// Whether the client gives up on a silent server early, because there are others to ask.
        let isQuick: Bool
    }

    private static let clusterLimit = 1 << 20
    private static let renewAfter = 60.0
    private static let renewAgainAfter = 5.0
    /// Seconds before all parts are asked again while none answers. Grows with each round.
    private static let pause = 0.5
    private static let probePatience = 5.0
    private static let torrentLimit = 64 << 20

    /// Host and port of the registry, as this host was configured.
    package nonisolated var authority: String { first.authority }

    /// - Parameters:
    ///   - first: the URL of any origin or index.
    ///   - others: to be asked for the list of parts too.
    ///   - settings: of connections to all parts. With a certificate pin, all parts must show that certificate.
    ///   - trackers: announce URLs to use instead of those that the registry lists; nil to use the registry's.
    ///   - known: the list of an earlier run.
    ///   - keep: stores a new list for the next run.
    package init(
        _ first: HTTPURL, others: [HTTPURL] = [], credential: RegistryCredential?,
        settings: HTTPTransportSettings = HTTPTransportSettings(),
        trackers: [String]? = nil, known: Cluster? = nil, keep: @escaping @Sendable (Cluster) -> Void = { _ in }
    ) {
        self.first = first
        self.others = others
        self.credential = credential
        self.settings = settings
        ownTrackers = trackers
        cluster = known.map { $0.with(trackers: trackers) }
        originPeers.withLock { $0 = Set(known?.origins.compactMap(\.peers) ?? []) }
        self.keep = keep
    }

    package func shutdown() async {
        renewing?.cancel()
        for client in clients.values { await client.shutdown() }
        clients = [:]
    }

    func client(_ url: HTTPURL, isQuick: Bool = false) -> RegistryClient {
        let key = ClientKey(url: url, isQuick: isQuick)
        if let client = clients[key] { return client }
        // The token must not be sent in plain text to another part if the first part uses TLS.
        let isTrusted = url.isSecure || !first.isSecure
        var (options, settings) = (RegistryClient.Options(), settings)
        if isQuick {
            options.triesInSilence = 1
            options.answerTimeout = 25
            settings.connectTimeout = min(settings.connectTimeout, 3)
        }
        let client = RegistryClient(
            base: url, credential: isTrusted ? credential : nil, options: options, settings: settings)
        clients[key] = client
        return client
    }

    /// The parts of the registry. The list is renewed in the background when it is older than a minute.
    package func parts(now: Double) async throws(RegistryError) -> Cluster {
        guard let cluster else { return try await renew(now: now) }
        if now < renewAt { return cluster }
        let renewal: Task<Void, Never>
        if let renewing {
            renewal = renewing
        } else {
            renewal = Task { await renewLater(now: now) }
            renewing = renewal
        }
        // A list of this run stays in use while it is renewed. A list of an earlier run is renewed first, once for all who
        // ask. If no part answers, it is better than none, and the parts are asked again in the background.
        if renewAt == 0 { await renewal.value }
        return self.cluster ?? cluster
    }

    /// The parts of the registry, asked for anew.
    package func partsAnew(now: Double) async throws(RegistryError) -> Cluster { try await renew(now: now) }

    private func renewLater(now: Double) async {
        if (try? await renew(now: now)) == nil { renewAt = max(now, Clocks.steadySeconds) + Self.renewAgainAfter }
        renewing = nil
    }

    private func renew(now: Double) async throws(RegistryError) -> Cluster {
        let parts = [first] + others + (cluster?.indexes ?? []) + (cluster?.origins.map(\.url) ?? [])
        let rounds = cluster == nil ? 3 : 1
        let new = try await ask(parts, rounds: rounds, now: now) { client throws(RegistryError) in
            guard let found = try await client.document("/v1/cluster", limit: Self.clusterLimit) else {
                throw .malformed("no list of its parts: is \(client.base.text) a Swoop registry?")
            }
            guard let new = Cluster(found)?.with(trackers: ownTrackers) else {
                throw .malformed("a malformed list of its parts")
            }
            return new
        }
        renewAt = now + Self.renewAfter
        if new != cluster { keep(new) }
        cluster = new
        return new
    }

    /// Asks one part after the other until one succeeds. Parts that did not answer lately come last.
    /// - Parameters:
    ///   - rounds: how many times to ask all parts while none of them answers.
    ///   - isFinal: whether an error ends the search, because the other parts would answer the same.
    func ask<Value>(
        _ parts: [HTTPURL], rounds: Int = 3, now: Double, isFinal: (RegistryError) -> Bool = { _ in false },
        _ question: (RegistryClient) async throws(RegistryError) -> Value
    ) async throws(RegistryError) -> Value {
        var known: Set<HTTPURL> = []
        let parts = parts.filter { known.insert($0).inserted }
        guard let only = parts.first else { throw .malformed("a list of its parts without an index or origin") }
        // With only one part, its client does the retries.
        if parts.count == 1 { return try await question(client(only)) }
        for part in silences.due(parts, now: now) { Task { await listen(for: part) } }
        var problem: RegistryError?
        for round in 0..<max(1, rounds) {
            if round > 0 {
                do { try await Task.sleep(for: .seconds(Self.pause * Double(round))) } catch { throw .cancelled }
            }
            var isSilent = true
            for part in silences.order(parts) {
                do throws(RegistryError) {
                    let answer = try await question(client(part, isQuick: true))
                    silences.answered(part)
                    return answer
                } catch {
                    if error == .cancelled { throw error }
                    if case .silent = error {
                        silences.failed(part, now: now)
                    } else {
                        silences.answered(part)
                        isSilent = false
                    }
                    if isFinal(error) { throw error }
                    problem = problem ?? error
                }
            }
            guard isSilent else { break }
        }
        throw problem ?? .malformed("no answer")
    }

    /// Probes a silent part. If it answers, requests go to it again in its turn.
    private func listen(for part: HTTPURL) async {
        do throws(RegistryError) {
            try await client(part, isQuick: true).probe("/healthz", within: Self.probePatience)
        } catch {
            if case .silent = error { return silences.failed(part, now: Clocks.steadySeconds) }
            if error == .cancelled { return }
        }
        silences.answered(part)
    }

    /// Whether a host and port are those of this registry, as far as this host knows it.
    func isPart(_ authority: String) -> Bool {
        let parts = (cluster?.indexes ?? []) + (cluster?.origins.map(\.url) ?? [])
        return ([first] + parts).contains { $0.authority == authority }
    }

    /// Whether a peer is an origin of the current list.
    nonisolated func isOrigin(_ peer: PeerAddress) -> Bool { originPeers.withLock { $0.contains(peer) } }

    /// Reports a corrupt piece to the origin that sent it. If the report fails, this host only cannot get the piece
    /// from that origin.
    func report(_ piece: Int, of digest: BlobDigest, from peer: PeerAddress, now: Double) async {
        guard let cluster = try? await parts(now: now), let origin = cluster.origins.first(where: { $0.peers == peer })
        else { return }
        _ = try? await client(origin.url).act(
            "/v1/blobs/\(digest)/doubts", body: .object(["piece": .integer(Int64(piece))]))
    }

    /// The content that a reference stands for.
    /// - Throws: `.unknown` if the registry has no such name, tag or digest.
    package func resolve(_ reference: Reference, now: Double) async throws(RegistryError) -> ResolvedContent {
        try await resolution(of: reference, now: now).content
    }

    /// The content that a reference stands for, and the body of the registry's answer.
    func resolution(
        of reference: Reference, now: Double
    ) async throws(RegistryError) -> (content: ResolvedContent, bytes: [UInt8]) {
        let indexes = try await parts(now: now).indexes
        return try await ask(indexes, now: now, isFinal: \.isUnknown) { client throws(RegistryError) in
            let body = try await client.content("/v1/resolve/\(reference)", limit: ResolvedContent.mostBytes)
            do throws(ResolvedContent.Malformed) {
                return (content: try ResolvedContent(body, for: reference), bytes: body)
            } catch {
                throw .malformed(error.description)
            }
        }
    }

    /// The info dictionary of a blob's torrent, from one of its owners or else any other origin.
    package func info(
        of blob: ResolvedContent.Blob, in name: ContentName, now: Double
    ) async throws(RegistryError) -> BlobInfo {
        let cluster = try await parts(now: now)
        let origins = cluster.owners(of: blob.digest).map(\.url) + cluster.origins.map(\.url)
        guard !origins.isEmpty else { throw .unknown(RegistryText.noBlob(blob.digest)) }
        return try await ask(origins, now: now) { client throws(RegistryError) in
            let bytes = try await client.content(
                "/namespace/\(name)/blobs/\(blob.digest)/metainfo", limit: Self.torrentLimit)
            let expectation = InfoExpectation(infoDigest: blob.infoDigest, blob: blob.digest.sha256, length: blob.size)
            do {
                let info = try BlobInfo(Torrent.parse(bytes).info)
                try expectation.check(info.info)
                return info
            } catch {
                throw .malformed("a torrent of \(blob.digest) that is not right: \(error)")
            }
        }
    }
}

extension RegistryError {
    var isUnknown: Bool { if case .unknown = self { true } else { false } }
}
