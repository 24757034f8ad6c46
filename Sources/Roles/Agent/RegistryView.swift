import Address
import HTTPTransport
import Hashing
import JSON
import Metainfo
import Registry
import RegistryClient
import Synchronization
import Text

/// A registry as this host sees it: whom to ask, and what they say. A list of its parts, once known, outlives the one that it
/// came from.
package actor RegistryView {
    private let first: HTTPURL
    private let credential: RegistryCredential?
    private let settings: HTTPTransportSettings
    private let ownTrackers: [String]?
    private var clients: [String: RegistryClient] = [:]
    private(set) package var cluster: Cluster? {
        didSet { originPeers.withLock { [cluster] in $0 = Set(cluster?.origins.compactMap(\.peers) ?? []) } }
    }
    /// Where the engines of origins listen.
    private let originPeers = Mutex<Set<PeerAddress>>([])
    /// When the list is asked for again, in seconds of a monotonic clock.
    private var renewAt = 0.0
    private let keep: @Sendable (Cluster) -> Void

    private static let clusterLimit = 1 << 20
    private static let renewAfter = 60.0
    private static let torrentLimit = 64 << 20

    /// Host and port by which this host knows the registry.
    package nonisolated var authority: String { first.authority }

    /// - Parameters:
    ///   - first: any origin or index.
    ///   - settings: of the connections to all parts; a pin there is the certificate that all of them show.
    ///   - trackers: announce URLs, in place of those that the registry lists; nil for its own.
    ///   - known: the list of an earlier run.
    ///   - keep: keeps a new list for the next run.
    package init(
        _ first: HTTPURL, credential: RegistryCredential?, settings: HTTPTransportSettings = HTTPTransportSettings(),
        trackers: [String]? = nil, known: Cluster? = nil, keep: @escaping @Sendable (Cluster) -> Void = { _ in }
    ) {
        self.first = first
        self.credential = credential
        self.settings = settings
        ownTrackers = trackers
        cluster = known.map { $0.with(trackers: trackers) }
        originPeers.withLock { $0 = Set(known?.origins.compactMap(\.peers) ?? []) }
        self.keep = keep
    }

    package func shutdown() async {
        for client in clients.values { await client.shutdown() }
        clients = [:]
    }

    func client(_ url: HTTPURL) -> RegistryClient {
        if let client = clients[url.text] { return client }
        // What is told over TLS to the first part is not told to another one without it.
        let isTrusted = url.isSecure || !first.isSecure
        let client = RegistryClient(base: url, credential: isTrusted ? credential : nil, settings: settings)
        clients[url.text] = client
        return client
    }

    /// The parts of the registry, as told a minute ago or later.
    package func parts(now: Double) async throws(RegistryError) -> Cluster {
        if let cluster, now < renewAt { return cluster }
        var problem: RegistryError?
        var asked: Set<HTTPURL> = []
        for url in [first] + (cluster?.indexes ?? []) + (cluster?.origins.map(\.url) ?? [])
        where asked.insert(url).inserted {
            do throws(RegistryError) {
                guard let found = try await client(url).document("/v1/cluster", limit: Self.clusterLimit) else {
                    throw .malformed("no list of its parts: is \(url.text) a Swoop registry?")
                }
                guard let new = Cluster(found)?.with(trackers: ownTrackers) else {
                    throw .malformed("a list of its parts that is none")
                }
                renewAt = now + Self.renewAfter
                if new != cluster { keep(new) }
                cluster = new
                return new
            } catch {
                problem = problem ?? error
            }
        }
        // An old list is better than none.
        if let cluster { return cluster }
        throw problem ?? .malformed("no list of its parts")
    }

    /// Whether a peer is an origin, as far as this host knows.
    nonisolated func isOrigin(_ peer: PeerAddress) -> Bool { originPeers.withLock { $0.contains(peer) } }

    /// Tells an origin that it gave a wrong piece. That it does not hear of it costs the piece from there, and no more.
    func report(_ piece: Int, of digest: BlobDigest, from peer: PeerAddress, now: Double) async {
        guard let cluster = try? await parts(now: now), let origin = cluster.origins.first(where: { $0.peers == peer })
        else { return }
        _ = try? await client(origin.url).act(
            "/v1/blobs/\(digest)/doubts", body: .object(["piece": .integer(Int64(piece))]))
    }

    /// What a reference stands for.
    /// - Throws: `.unknown` when there is no such thing.
    package func resolve(_ reference: Reference, now: Double) async throws(RegistryError) -> ResolvedContent {
        try await resolution(of: reference, now: now).content
    }

    /// The same, with the answer as it was.
    func resolution(
        of reference: Reference, now: Double
    ) async throws(RegistryError) -> (content: ResolvedContent, bytes: [UInt8]) {
        let cluster = try await parts(now: now)
        var problem: RegistryError?
        for url in cluster.indexes {
            do throws(RegistryError) {
                let path = "/v1/resolve/\(reference)"
                let body = try await client(url).content(path, limit: ResolvedContent.mostBytes)
                let limits = JSONLimits(maxBytes: ResolvedContent.mostBytes, maxDepth: 16, maxValues: 400_000)
                guard let value = try? JSONValue.parse(body, limits: limits) else { throw .malformed("no JSON") }
                do {
                    return (try ResolvedContent(value, for: reference), body)
                } catch {
                    throw .malformed(error.description)
                }
            } catch {
                if case .unknown = error { throw error }
                problem = problem ?? error
            }
        }
        throw problem ?? .malformed("no index")
    }

    /// The torrent of a blob, from one of its owners.
    package func info(
        of blob: ResolvedContent.Blob, in name: ContentName, now: Double
    ) async throws(RegistryError) -> BlobInfo {
        let cluster = try await parts(now: now)
        var problem: RegistryError?
        let owners = cluster.owners(of: blob.digest)
        for origin in owners + cluster.origins.filter({ !owners.contains($0) }) {
            do throws(RegistryError) {
                let bytes = try await client(origin.url).content(
                    "/namespace/\(name)/blobs/\(blob.digest)/metainfo", limit: Self.torrentLimit)
                let expectation = InfoExpectation(
                    infoDigest: blob.infoDigest, blob: blob.digest.sha256, length: blob.size)
                do {
                    let info = try BlobInfo(Torrent.parse(bytes).info)
                    try expectation.check(info.info)
                    return info
                } catch {
                    throw .malformed("a torrent of \(blob.digest) that is not right: \(error)")
                }
            } catch {
                problem = problem ?? error
            }
        }
        throw problem ?? .unknown(RegistryText.noBlob(blob.digest))
    }
}
