// RegistryClient: the client side of the OCI distribution API 1.1.
//
// Purpose: blobs, uploads, manifests and tags of one registry over HTTP, with tries again, logins and typed errors. Bodies of
// blobs stream: no more than a block of them is in memory here. Must never: send a token to another server than the one it is
// for, take an answer for more than it proves (digests are checked by the caller, who has the bytes), or touch a file.

import HTTPTransport
import NIOCore
import NIOHTTP1
import Synchronization
import Text

/// A client of one registry. Call `shutdown` before the last reference goes.
package final class RegistryClient: Sendable {
    /// Times in seconds.
    package struct Options: Sendable {
        /// Tries of a request that can be made again: when nothing answers, or the server is busy.
        package var tries = 3
        /// The same when nothing answers; nil for as many.
        package var triesInSilence: Int?
        /// Wait before the second try; doubles each time.
        package var firstPause = 0.5
        /// Longest wait between two tries, whatever the server asks for.
        package var longestPause = 30.0
        /// Until the head of an answer must be here, for requests without a large body.
        package var answerTimeout = 30.0
        /// For a request with a part of a blob.
        package var uploadTimeout = 3600.0
        /// Most bytes of a list of tags.
        package var mostListBytes = 4 << 20
        /// Most tags that are asked for.
        package var mostTags = 1_000_000

        package init() {}
    }

    /// Where the registry is; without a slash at its end.
    package let base: HTTPURL
    let options: Options
    let transport: HTTPTransport
    let login: Login

    /// - Parameter base: with a path, if the registry lies below one.
    package init(
        base: HTTPURL, credential: RegistryCredential? = nil, options: Options = Options(),
        settings: HTTPTransportSettings = HTTPTransportSettings()
    ) {
        self.base = base
        self.options = options
        transport = HTTPTransport(settings: settings)
        login = Login(credential)
    }

    package func shutdown() async { await transport.shutdown() }

    /// Whether the OCI distribution API is there (`GET /v2/`, end-1), as at every registry but not at an index by itself. Nil
    /// where nothing answers within 5 s.
    package func hasContent() async -> Bool? {
        guard let url = try? url("/v2/"),
            let answer = try? await transport.request(
                .GET, url, headers: [:], body: nil, deadline: .now() + .seconds(5))
        else { return nil }
        let status = Int(answer.status.code)
        _ = try? await transport.collect(answer, limit: 64 << 10)
        return status != 404
    }

    /// Scheme, host and port, as messages name the registry.
    package var name: String { "\(base.isSecure ? "https" : "http")://\(base.authority)" }

    /// The URL of a path of the API. What stands in it is checked already: names, digests and tags need no encoding.
    func url(_ path: String, query: String = "") throws(RegistryError) -> HTTPURL {
        let root = base.path == "/" ? "" : base.path
        guard let url = HTTPURL(name + root + path + query) else { throw .malformed("a URL that is too long") }
        return url
    }
}
