import HTTPTransport
import JSON
import NIOHTTP1
import OCI
import Registry
import Synchronization
import Text
import Threads

/// An index in other processes, for the OCI distribution API of an origin. Several indexes may share one database: the
/// index that responded last is asked first, and the next one if it does not respond. No answer is taken from memory
/// while an index responds, so a tag that is moved at one origin is moved at all of them at once.
package final class RemoteIndex: OCIIndex {
    private let indexes: [HTTPURL]
    private let peers: HTTPPeers
    /// The position in `indexes` of the index that responded last.
    private let preferred = Mutex(0)
    /// Blobs that names had when an index last said so.
    private let known = Mutex(KnownBlobs())

    /// Seconds to wait for an index where the answer from memory would do.
    private static let knownPatience = 5.0

    /// - Parameters:
    ///   - indexes: in the order in which they are asked at first; one at least.
    ///   - peers: must have a token with the role `cluster`, if the registry has tokens.
    package init(_ indexes: [HTTPURL], peers: HTTPPeers) {
        self.indexes = indexes
        self.peers = peers
    }

    // MARK: Manifests and tags

    package func manifest(
        _ name: ContentName, _ version: Reference.Version
    ) async throws(OCIError) -> Manifest? {
        let call = HTTPPeers.Call(
            method: .GET, path: NameLink.manifest(name, version), limit: Manifest.mostBytes)
        guard let answer = try await ask(call, missing: .manifestUnknown) else { return nil }
        guard let manifest = try? Manifest(answer.body, type: answer.headers.first(name: "content-type")) else {
            throw Self.malformed("a malformed manifest")
        }
        if case .digest(let digest) = version, digest != manifest.digest {
            throw Self.malformed("another manifest than was asked for")
        }
        return manifest
    }

    package func put(
        _ manifest: Manifest, in name: ContentName, tags: [Tag], by author: Author
    ) async throws(OCIError) {
        let items = tags.map { ("tag", $0.text) } + NameLink.items(author)
        var call = HTTPPeers.Call(method: .PUT, path: NameLink.manifests(name) + NameLink.query(items))
        call.headers = ["Content-Type": manifest.mediaType]
        call.body = manifest.bytes
        // The index asks all origins before it responds.
        call.patience = 60
        _ = try await ask(call)
    }

    package func removeManifest(
        _ name: ContentName, _ digest: BlobDigest, by author: Author
    ) async throws(OCIError) -> Bool {
        let path = NameLink.manifest(name, .digest(digest)) + NameLink.query(NameLink.items(author))
        return try await ask(HTTPPeers.Call(method: .DELETE, path: path), missing: .manifestUnknown) != nil
    }

    package func removeTag(_ name: ContentName, _ tag: Tag, by author: Author) async throws(OCIError) -> Bool {
        let path = NameLink.tag(name, tag) + NameLink.query(NameLink.items(author))
        return try await ask(HTTPPeers.Call(method: .DELETE, path: path), missing: .manifestUnknown) != nil
    }

    // MARK: Lists

    package func tags(of name: ContentName, after: String?, limit: Int) async throws(OCIError) -> [Tag]? {
        let path = NameLink.tags(name) + NameLink.page(after, limit)
        return try await list(path, "tags", missing: .nameUnknown)?.compactMap { Tag($0) }
    }

    package func names(after: String?, limit: Int) async throws(OCIError) -> [ContentName] {
        let found = try await list(NameLink.root + NameLink.page(after, limit), "names", missing: nil)
        return (found ?? []).compactMap { ContentName($0) }
    }

    private func list(
        _ path: String, _ key: String, missing: OCIError.Code?
    ) async throws(OCIError) -> [String]? {
        let call = HTTPPeers.Call(method: .GET, path: path, limit: NameLink.mostListed)
        guard let answer = try await ask(call, missing: missing) else { return nil }
        guard let texts = NameLink.parse(answer.body).flatMap({ NameLink.texts($0, key) }) else {
            throw Self.malformed("no list of \(key)")
        }
        return texts
    }

    package func referrerList(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Descriptor] {
        let call = HTTPPeers.Call(method: .GET, path: NameLink.referrers(name, digest), limit: NameLink.mostListed)
        guard let answer = try await ask(call),
            let values = NameLink.parse(answer.body)?["manifests"]?.arrayValue
        else { throw Self.malformed("no list of manifests") }
        return values.compactMap { try? Descriptor($0, in: "manifests") }
    }

    package func referrers(to digest: BlobDigest, in name: ContentName) async throws(OCIError) -> [Manifest] {
        var manifests: [Manifest] = []
        for descriptor in try await referrerList(to: digest, in: name) {
            if let manifest = try await manifest(name, .digest(descriptor.digest)) { manifests.append(manifest) }
        }
        return manifests
    }

    // MARK: Blobs

    /// If no index can tell, the last answer counts for an hour: so what is known can be pulled while all indexes are down.
    package func hasBlob(_ digest: BlobDigest, in name: ContentName) async throws(OCIError) -> Bool {
        let blob = KnownBlobs.Key(name: name, digest: digest)
        let isKnown = known.withLock { $0.contains(blob, now: Clocks.steadySeconds) }
        var call = HTTPPeers.Call(method: .GET, path: NameLink.blob(name, digest))
        if isKnown { call.patience = Self.knownPatience }
        let isThere: Bool
        do throws(OCIError) {
            isThere = try await ask(call, missing: .blobUnknown) != nil
        } catch {
            guard isKnown, error.status == 503 else { throw error }
            return true
        }
        remember(blob, isThere)
        return isThere
    }

    package func addBlob(_ digest: BlobDigest, to name: ContentName) async throws(OCIError) {
        _ = try await ask(HTTPPeers.Call(method: .PUT, path: NameLink.blob(name, digest)))
        remember(KnownBlobs.Key(name: name, digest: digest), true)
    }

    private func remember(_ blob: KnownBlobs.Key, _ isThere: Bool) {
        let now = Clocks.steadySeconds
        known.withLock { known in
            if isThere { known.add(blob, now: now) } else { known.remove(blob) }
        }
    }

    package func removeBlob(_ digest: BlobDigest, from name: ContentName) async throws(OCIError) -> Bool {
        // An index may remove it even if its answer is lost.
        remember(KnownBlobs.Key(name: name, digest: digest), false)
        return try await ask(
            HTTPPeers.Call(method: .DELETE, path: NameLink.blob(name, digest)), missing: .blobUnknown) != nil
    }

    // MARK: Requests

    /// - Parameter missing: a response of status 404 with this code returns nil instead of an error.
    private func ask(
        _ call: HTTPPeers.Call, missing: OCIError.Code? = nil
    ) async throws(OCIError) -> HTTPPeers.Answer? {
        let first = preferred.withLock { $0 }
        var problem: OCIError?
        for turn in indexes.indices {
            let place = (first + turn) % indexes.count
            let answer: HTTPPeers.Answer
            do throws(HTTPTransportError) { answer = try await peers.ask(indexes[place], call) } catch {
                if error == .cancelled { throw Self.silent(indexes[first], tries: turn + 1) }
                continue
            }
            if (200..<300).contains(answer.status) {
                if turn > 0 { preferred.withLock { $0 = place } }
                return answer
            }
            guard let error = OCIError(status: answer.status, body: answer.body) else {
                problem = Self.malformed("status \(answer.status)")
                continue
            }
            if answer.status == 404, error.code == missing { return nil }
            // With 503 the index cannot reach its database or the origins. The next index may reach them.
            guard answer.status == 503 else { throw error }
            problem = error
        }
        throw problem ?? Self.silent(indexes.isEmpty ? nil : indexes[first], tries: indexes.count)
    }

    private static func silent(_ index: HTTPURL?, tries: Int) -> OCIError {
        OCIError(
            503, .tooManyRequests,
            index.map {
                "index \($0.isSecure ? "https" : "http")://\($0.authority) does not answer (tried \(tries))"
            } ?? "no index is configured")
    }

    private static func malformed(_ what: String) -> OCIError {
        OCIError(503, .unavailable, "the registry's index answers with \(what): try again")
    }
}

/// Blobs that names had a while ago. Bounded: the oldest are forgotten first. Pure.
struct KnownBlobs: Sendable {
    struct Key: Hashable, Sendable {
        let name: ContentName
        let digest: BlobDigest
    }

    /// Seconds for which a blob is remembered.
    static let memory = 3_600.0
    /// Most blobs in one of the two halves.
    private let most: Int
    /// When a blob was last known to be there. Once `recent` is full it becomes `older`, and what was `older` is forgotten.
    private var (recent, older): ([Key: Double], [Key: Double]) = ([:], [:])

    init(most: Int = 50_000) { self.most = max(1, most / 2) }

    func contains(_ blob: Key, now: Double) -> Bool {
        guard let time = recent[blob] ?? older[blob] else { return false }
        return now - time < Self.memory
    }

    mutating func add(_ blob: Key, now: Double) {
        if recent.count >= most, recent[blob] == nil { (recent, older) = ([:], recent) }
        recent[blob] = now
    }

    mutating func remove(_ blob: Key) {
        recent[blob] = nil
        older[blob] = nil
    }
}
