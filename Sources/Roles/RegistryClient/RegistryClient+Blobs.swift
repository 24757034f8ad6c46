import HTTPTransport
import NIOCore
import NIOHTTP1
import Registry

/// The body of a blob's download, from its start or from an offset.
package struct BlobBody: Sendable {
    /// The position of the first byte in the blob: 0 where the server does not support ranges.
    package let start: Int64
    /// The size of the whole blob in bytes; nil if the server does not send it.
    package let size: Int64?
    let answer: HTTPAnswer
    let registry: String

    /// Iterates over the parts as they arrive. May be called once.
    package func makeIterator() -> Iterator { Iterator(parts: answer.body.makeAsyncIterator()) }

    package struct Iterator {
        var parts: HTTPAnswer.Parts.AsyncIterator
        package mutating func next() async throws -> ByteBuffer? { try await parts.next() }
    }

    /// Calls `take` with each part. The next part is read once `take` has returned, so no parts pile up in memory.
    /// - Throws: the error of `take`, or a `RegistryError` when the body breaks off.
    package func forEach(_ take: (ByteBuffer) async throws -> Void) async throws {
        var parts = answer.body.makeAsyncIterator()
        while true {
            let part: ByteBuffer?
            do { part = try await parts.next() } catch {
                let error = HTTPTransportError(error, host: answer.host)
                throw error == .cancelled
                    ? RegistryError.cancelled : RegistryError.silent(registry: registry, tries: 1, error)
            }
            guard let part else { return }
            try await take(part)
        }
    }
}

extension RegistryClient {
    /// The size in bytes of a blob that the registry has under a name; -1 when the registry does not send it; nil when it
    /// does not have the blob.
    package func size(of digest: BlobDigest, in name: ContentName) async throws(RegistryError) -> Int64? {
        let answer = try await exchange(
            Call(method: .HEAD, url: try url("/v2/\(name)/blobs/\(digest)"), accepts: [200, 404, 307]))
        _ = try await body(of: answer, limit: 64 << 10)
        guard answer.status != .notFound else { return nil }
        // A registry that redirects has the blob, and need not send its size.
        return answer.headers.first(name: "content-length").flatMap { Int64($0) } ?? -1
    }

    /// Begins to download a blob, from an offset on where the server supports ranges.
    /// - Throws: `.unknown` when the registry does not have the blob; `.malformed` for another range than the requested one.
    package func open(
        _ digest: BlobDigest, in name: ContentName, from offset: Int64 = 0
    ) async throws(RegistryError) -> BlobBody {
        var call = Call(
            method: .GET, url: try url("/v2/\(name)/blobs/\(digest)"),
            subject: "blob \(digest) is at no origin: push it again", accepts: [200, 206])
        call.followsRedirects = true
        if offset > 0 { call.headers.add(name: "Range", value: "bytes=\(offset)-") }
        let answer = try await exchange(call)
        guard answer.status == .partialContent else {
            return BlobBody(
                start: 0, size: answer.headers.first(name: "content-length").flatMap { Int64($0) }, answer: answer,
                registry: self.name)
        }
        guard let range = ContentRange(answer.headers.first(name: "content-range") ?? ""), range.first == offset,
            range.last + 1 == range.size ?? (range.last + 1)
        else { throw .malformed("another range than was asked for") }
        return BlobBody(start: offset, size: range.size, answer: answer, registry: self.name)
    }
}

extension RegistryClient {
    /// Begins to download a range of a blob.
    /// - Throws: `.unknown` when the registry does not have the blob; `.malformed` where it does not support ranges.
    package func open(
        _ digest: BlobDigest, in name: ContentName, range: Range<Int64>
    ) async throws(RegistryError) -> BlobBody {
        var call = Call(
            method: .GET, url: try url("/v2/\(name)/blobs/\(digest)"), subject: RegistryText.noBlob(digest),
            accepts: [200, 206])
        call.followsRedirects = true
        call.headers.add(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        let answer = try await exchange(call)
        if answer.status == .ok {
            // A registry without ranges sends the whole blob, which is right if the range is the whole blob.
            guard range.lowerBound == 0,
                answer.headers.first(name: "content-length").flatMap({ Int64($0) }) == range.upperBound
            else { throw .malformed("a whole blob where a part was asked for") }
            return BlobBody(start: 0, size: range.upperBound, answer: answer, registry: self.name)
        }
        guard let found = ContentRange(answer.headers.first(name: "content-range") ?? ""),
            found.first == range.lowerBound, found.last == range.upperBound - 1
        else { throw .malformed("another range than was asked for") }
        return BlobBody(start: range.lowerBound, size: found.size, answer: answer, registry: self.name)
    }
}

/// The header `Content-Range`: `bytes 0-9/10` (RFC 9110, section 14.4).
package struct ContentRange: Hashable {
    package let first: Int64
    package let last: Int64
    /// Nil for `*`.
    package let size: Int64?

    package init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 2, parts[0].lowercased() == "bytes" else { return nil }
        let halves = parts[1].split(separator: "/", omittingEmptySubsequences: false)
        let ends = halves.first?.split(separator: "-", omittingEmptySubsequences: false) ?? []
        guard halves.count == 2, ends.count == 2, let first = Int64(ends[0]), let last = Int64(ends[1]), first >= 0,
            first <= last, last < .max
        else { return nil }
        if halves[1] != "*" {
            guard let size = Int64(halves[1]), size > last else { return nil }
            self.size = size
        } else {
            size = nil
        }
        self.first = first
        self.last = last
    }
}
