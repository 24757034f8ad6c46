// RegistryClient: the client side of the OCI distribution API 1.1.
//
// Purpose: blobs, uploads, manifests and tags of one registry over HTTP, with retries, logins and typed errors. Blobs are
// streamed: no more than a block of a blob is in memory. Must never: send a token to a server for which it is not meant,
// trust the content of a blob (callers verify digests), or touch a file.

import HTTPTransport
import NIOCore
import NIOHTTP1
import Synchronization
import Text

/// A client of one registry. Call ``shutdown()`` before the last reference is released.
package final class RegistryClient: Sendable {
    /// Times in seconds.
    package struct Options: Sendable {
        /// The most attempts of a request that can be repeated, when the server does not answer or is busy.
        package var tries = 3
        /// The most attempts when the server does not answer; nil for `tries`.
        package var triesInSilence: Int?
        /// The pause before the second attempt. It doubles each time.
        package var firstPause = 0.5
        /// The longest pause between two attempts, even if the server asks for a longer one (`Retry-After`).
        package var longestPause = 30.0
        /// The time within which the head of an answer must arrive, for requests without a large body.
        package var answerTimeout = 30.0
        /// The same for a request that sends a part of a blob.
        package var uploadTimeout = 3600.0
        /// The most bytes of one page of a list.
        package var mostListBytes = 4 << 20
        /// The number of entries at which the client stops to request further pages of a list.
        package var mostTags = 1_000_000

        package init() {}
    }

    /// The registry's URL, without a slash at its end.
    package let base: HTTPURL
    let options: Options
    let transport: HTTPTransport
    let login: Login

    /// - Parameter base: the registry's URL, with a path if the API is below one.
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

    /// Whether the server has the OCI distribution API (`GET /v2/`, end-1). Every registry has it, but an index alone does
    /// not. Nil where the server does not answer within 5 s.
    package func hasContent() async -> Bool? {
        guard let url = try? url("/v2/") else { return nil }
        while true {
            // Without the credential an index that wants tokens says 401, as one with content does.
            guard
                let answer = try? await transport.request(
                    .GET, url, headers: login.headers, body: nil, deadline: .now() + .seconds(5))
            else { return nil }
            let status = Int(answer.status.code)
            _ = try? await transport.collect(answer, limit: 64 << 10)
            if status == 401, login.changes(after: answer.headers) { continue }
            return status != 404
        }
    }

    /// Scheme, host and port: the registry's name in messages.
    package var name: String { "\(base.isSecure ? "https" : "http")://\(base.authority)" }

    /// The URL of a path of the API. Names, digests and tags in it have been checked, so they need no percent-encoding.
    func url(_ path: String, query: String = "") throws(RegistryError) -> HTTPURL {
        let root = base.path == "/" ? "" : base.path
        guard let url = HTTPURL(name + root + path + query) else { throw .malformed("a URL that is too long") }
        return url
    }
}
