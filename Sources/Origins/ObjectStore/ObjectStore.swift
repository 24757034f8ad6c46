// ObjectStore: the client of S3-compatible object stores, over HTTP/1.1.
//
// What it is for: listing, fetching and storing objects of any size, through failures and restarts. What it must never
// do: show a key, follow a redirect with a signed request, accept a certificate that does not verify, take an answer
// for what was asked without checking, hold a file in memory, or decide when a delivery runs (its owner does).

import Glibc
import HTTPTransport
import S3
import Threads

/// The connections to all object stores of a process. `shutdown` it before the last reference goes.
package final class ObjectStoreClient: Sendable {
    package let settings: ObjectStoreSettings
    let transport: HTTPTransport
    /// Seconds since 1970.
    let clock: @Sendable () -> Int64

    package convenience init(settings: ObjectStoreSettings = ObjectStoreSettings()) {
        self.init(settings: settings, clock: { Clocks.wallWholeSeconds }, adjust: { _ in })
    }

    /// - Parameter adjust: for tests: names and addresses as the test has them.
    init(
        settings: ObjectStoreSettings, clock: @escaping @Sendable () -> Int64,
        adjust: (inout HTTPTransportSettings) -> Void
    ) {
        self.settings = settings
        self.clock = clock
        var http = HTTPTransportSettings()
        if let address = settings.localAddress, !["", "::", "[::]", "0.0.0.0"].contains(address) {
            http.localAddress = address
        }
        http.trustedAuthorities = settings.trustedAuthorities
        http.userAgent = settings.userAgent
        http.connectTimeout = settings.connectTimeout
        http.readTimeout = settings.stallTimeout
        http.writeTimeout = settings.stallTimeout
        http.connectionsPerHost = settings.connectionsPerHost
        adjust(&http)
        transport = HTTPTransport(settings: http)
    }

    /// Closes all connections; what is under way fails.
    package func shutdown() async { await transport.shutdown() }
}

/// One bucket. Cheap to make: connections belong to the client.
package final class ObjectStore: Sendable {
    package let address: ObjectStoreAddress
    let client: ObjectStoreClient

    package init(address: ObjectStoreAddress, client: ObjectStoreClient) {
        self.address = address
        self.client = client
    }

    /// Host and port, for a person.
    package var host: String { address.place.host }
    var settings: ObjectStoreSettings { client.settings }

    /// Throws an object away; no error where there is none.
    package func delete(key: String) async throws(ObjectStoreError) {
        do {
            _ = try await answer(to: .delete(key: key))
        } catch  where error.kind == .noSuchKey {
        }
    }

    /// Whether the bucket answers to these keys: the first page of a listing, asked for once.
    package func check() async throws(ObjectStoreError) {
        _ = try await once(.list(prefix: "", pageSize: 1))
    }
}
