import HTTPTransport
import NIOCore
import NIOHTTP1
import Registry
import Text

/// A blob's upload: the URL for the next part, and how many bytes the registry has.
package struct UploadSession: Sendable, Hashable {
    /// The URL to which the next part is sent. It changes with each part.
    package let location: HTTPURL
    /// The number of bytes that the registry has.
    package let offset: Int64

    package init(location: HTTPURL, offset: Int64) {
        self.location = location
        self.offset = offset
    }
}

extension RegistryClient {
    /// Begins an upload.
    /// - Parameter size: the blob's size in bytes. A Swoop registry that knows the size hashes less; other registries ignore
    ///   it.
    package func beginUpload(in name: ContentName, size: Int64? = nil) async throws(RegistryError) -> UploadSession {
        let call = Call(
            method: .POST,
            url: try url("/v2/\(name)/blobs/uploads/", query: size.map { "?size=\($0)" } ?? ""),
            headers: ["Content-Length": "0"], body: [],
            accepts: [202])
        let answer = try await exchange(call)
        _ = try await body(of: answer, limit: 64 << 10)
        return try session(of: answer, at: call.url, offset: 0)
    }

    /// Adds a blob that the registry has under another name to a name (OCI distribution specification, "Mounting a blob").
    /// - Parameters:
    ///   - other: the name that has the blob; nil for any.
    ///   - size: the blob's size, for the upload that may begin instead: see ``beginUpload(in:size:)``.
    /// - Returns: nil when the blob was mounted, else an upload that the registry began instead.
    package func mount(
        _ digest: BlobDigest, in name: ContentName, from other: ContentName?, size: Int64? = nil
    ) async throws(RegistryError) -> UploadSession? {
        let call = Call(
            method: .POST,
            url: try url(
                "/v2/\(name)/blobs/uploads/",
                query: "?mount=\(digest)" + (other.map { "&from=\($0)" } ?? "") + (size.map { "&size=\($0)" } ?? "")),
            headers: ["Content-Length": "0"], body: [], accepts: [201, 202])
        let answer = try await exchange(call)
        _ = try await body(of: answer, limit: 64 << 10)
        return answer.status == .created ? nil : try session(of: answer, at: call.url, offset: 0)
    }

    /// Uploads a small blob: in one request where the registry supports that, else in two.
    package func upload(
        _ bytes: [UInt8], _ digest: BlobDigest, in name: ContentName
    ) async throws(RegistryError) {
        let call = Call(
            method: .POST, url: try url("/v2/\(name)/blobs/uploads/", query: "?digest=\(digest)"),
            headers: ["Content-Type": "application/octet-stream"], body: bytes, accepts: [201, 202])
        let answer = try await exchange(call)
        _ = try await body(of: answer, limit: 64 << 10)
        guard answer.status != .created else { return }
        try await finish(try session(of: answer, at: call.url, offset: 0), digest, rest: bytes)
    }

    /// The upload with the number of bytes that the registry has; nil when the registry does not know the upload, or no
    /// longer.
    package func status(of upload: UploadSession) async throws(RegistryError) -> UploadSession? {
        let call = Call(method: .GET, url: upload.location, accepts: [200, 204, 404, 400, 410])
        let answer = try await exchange(call)
        _ = try await body(of: answer, limit: 64 << 10)
        guard [200, 204].contains(answer.status.code) else { return nil }
        return try session(of: answer, at: call.url, offset: nil)
    }

    /// Sends a part, without retries. After an error, the caller must ask for ``status(of:)``.
    /// - Parameter parts: exactly `length` bytes, which follow those that the registry has.
    package func append<Parts: AsyncSequence & Sendable>(
        _ parts: Parts, length: Int64, to upload: UploadSession
    ) async throws(RegistryError) -> UploadSession where Parts.Element == ByteBuffer {
        var headers: HTTPHeaders = [
            "Content-Type": "application/octet-stream",
            "Content-Range": "\(upload.offset)-\(upload.offset + length - 1)",
        ]
        if isOurs(upload.location) { headers.add(contentsOf: login.headers) }
        let answer: HTTPAnswer
        do {
            answer = try await transport.request(
                .PATCH, upload.location, headers: headers, body: HTTPRequestBody(parts, length: length),
                deadline: .now() + .after(options.uploadTimeout))
        } catch {
            throw error == .cancelled ? .cancelled : .silent(registry: name, tries: 1, error)
        }
        guard [202, 204].contains(answer.status.code) else { throw await refusal(answer) }
        _ = try await body(of: answer, limit: 64 << 10)
        return try session(of: answer, at: upload.location, offset: upload.offset + length)
    }

    /// Ends an upload: the registry verifies the bytes against the digest.
    /// - Parameter rest: the bytes that follow those that the registry has.
    package func finish(
        _ upload: UploadSession, _ digest: BlobDigest, rest: [UInt8] = []
    ) async throws(RegistryError) {
        let separator = upload.location.query.isEmpty ? "?" : "&"
        guard let target = HTTPURL("\(upload.location.text)\(separator)digest=\(digest)") else {
            throw .malformed("a location that is too long")
        }
        var headers: HTTPHeaders = ["Content-Type": "application/octet-stream"]
        if !rest.isEmpty {
            headers.add(name: "Content-Range", value: "\(upload.offset)-\(upload.offset + Int64(rest.count) - 1)")
        }
        var call = Call(method: .PUT, url: target, headers: headers, body: rest, accepts: [201, 204])
        // The registry may have to read the whole blob again.
        call.timeout = options.uploadTimeout
        let answer = try await exchange(call)
        _ = try await body(of: answer, limit: 64 << 10)
    }

    /// Cancels an upload. Failures are ignored, since the registry drops an unused upload by itself later.
    package func cancel(_ upload: UploadSession) async {
        guard let answer = try? await exchange(Call(method: .DELETE, url: upload.location, accepts: [204, 202, 404]))
        else { return }
        _ = try? await body(of: answer, limit: 64 << 10)
    }

    /// The upload after an answer of the registry.
    /// - Parameter offset: the number of bytes that the registry should have; nil where only the answer tells.
    private func session(
        of answer: HTTPAnswer, at url: HTTPURL, offset: Int64?
    ) throws(RegistryError) -> UploadSession {
        let location: HTTPURL
        if let text = answer.headers.first(name: "location") {
            guard let resolved = url.resolving(text), resolved.isSecure || !base.isSecure else {
                throw .malformed("a location that cannot be used")
            }
            location = resolved
        } else if offset == nil {
            location = url
        } else {
            throw .malformed("no location of the upload")
        }
        // Registries send `0-0` both for 0 bytes and for 1 byte.
        let said = answer.headers.first(name: "range").flatMap { text -> Int64? in
            let ends = text.split(separator: "=").last?.split(separator: "-") ?? []
            guard ends.count == 2, let first = Int64(ends[0]), first == 0, let last = Int64(ends[1]), last >= 0,
                last < .max
            else { return nil }
            return last == 0 ? 0 : last + 1
        }
        if let offset {
            guard offset > 1, let said, said != offset else { return UploadSession(location: location, offset: offset) }
            guard said < offset else { throw .malformed("more of the upload than was sent") }
            return UploadSession(location: location, offset: said)
        }
        return UploadSession(location: location, offset: said ?? 0)
    }
}
