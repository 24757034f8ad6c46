import HTTPTransport
import Hashing
import JSON
import NIOCore
import NIOHTTP1
import Registry

extension RegistryClient {
    /// The manifest of a tag or digest. If a digest is requested, the bytes are verified against it.
    /// - Throws: `.unknown` when there is none; `.malformed` for an answer that is not a manifest, or another one.
    package func manifest(_ reference: Reference) async throws(RegistryError) -> Manifest {
        var call = Call(
            method: .GET, url: try url("/v2/\(reference.name)/manifests/\(reference.version)"),
            headers: Self.acceptsManifests, subject: "no manifest \(reference)", accepts: [200])
        call.followsRedirects = true
        let (answer, bytes) = try await exchange(call, limit: Manifest.mostBytes)
        let manifest: Manifest
        do {
            manifest = try Manifest(bytes, type: answer.headers.first(name: "content-type"))
        } catch {
            throw .malformed("a manifest of \(reference) that cannot be used: \(error)")
        }
        if case .digest(let digest) = reference.version, digest != manifest.digest {
            throw .malformed("manifest \(manifest.digest) where \(digest) was asked for")
        }
        return manifest
    }

    /// The digest of a tag's manifest; nil where the registry does not have it, or does not send the digest.
    package func digest(of reference: Reference) async throws(RegistryError) -> BlobDigest? {
        let answer = try await exchange(
            Call(
                method: .HEAD, url: try url("/v2/\(reference.name)/manifests/\(reference.version)"),
                headers: Self.acceptsManifests, accepts: [200, 404]))
        _ = try await body(of: answer, limit: 64 << 10)
        guard answer.status == .ok else { return nil }
        return answer.headers.first(name: "docker-content-digest").flatMap { BlobDigest($0) }
    }

    /// Puts a manifest under a tag or its digest.
    /// - Parameter clusters: the registries through which a replicated tag came, as a ``ClusterPath``. Only Swoop registries
    ///   read it.
    package func put(
        _ bytes: [UInt8], type: String, as reference: Reference, clusters: String = ""
    ) async throws(RegistryError) {
        var headers: HTTPHeaders = ["Content-Type": type]
        if !clusters.isEmpty { headers.add(name: ClusterPath.header, value: clusters) }
        let (_, _) = try await exchange(
            Call(
                method: .PUT, url: try url("/v2/\(reference.name)/manifests/\(reference.version)"),
                headers: headers, body: bytes, accepts: [201, 200]), limit: 64 << 10)
    }

    /// Uploads the empty configuration that manifests of files refer to, unless it is there.
    package func putEmptyConfig(in name: ContentName) async throws(RegistryError) {
        let config = FilesManifest.emptyConfig
        let digest = BlobDigest(SHA256.digest(config))
        if try await size(of: digest, in: name) == nil { try await upload(config, digest, in: name) }
    }

    /// Puts a tag on a blob or manifest that the registry has. For Swoop registries. For the errors of others see
    /// ``RegistryError/isOfAnotherKind``.
    package func putTag(
        _ tag: Tag, of name: ContentName, digest: BlobDigest, clusters: String
    ) async throws(RegistryError) {
        var headers: HTTPHeaders = ["Content-Type": "application/json"]
        if !clusters.isEmpty { headers.add(name: ClusterPath.header, value: clusters) }
        let (answer, bytes) = try await exchange(
            Call(
                method: .PUT, url: try url("/v1/names/\(name)/tags/\(tag)"), headers: headers,
                body: Array(#"{"digest": "\#(digest)"}"#.utf8), accepts: [200, 201]), limit: 64 << 10)
        // Some servers answer with a page of their own whatever is asked for. A proxy on the way may make the entity tag a
        // weak one, or leave it out.
        let mark = "\"\(digest)\""
        if let found = answer.headers.first(name: "etag"), [mark, "W/" + mark].contains(found) { return }
        let limits = JSONLimits(maxBytes: 64 << 10, maxDepth: 16, maxValues: 4_000)
        guard (try? JSONValue.parse(bytes, limits: limits))?["digest"]?.stringValue == digest.description else {
            throw .malformed("something else than a tag")
        }
    }

    /// Deletes a tag, or a manifest and the tags on it.
    package func delete(_ reference: Reference) async throws(RegistryError) {
        let (_, _) = try await exchange(
            Call(
                method: .DELETE, url: try url("/v2/\(reference.name)/manifests/\(reference.version)"),
                subject: "no tag \(reference)", accepts: [202, 200, 204]), limit: 64 << 10)
    }

    private static let acceptsManifests: HTTPHeaders = ["Accept": Manifest.types.joined(separator: ", ")]
}
