// ObjectStore: a client of S3-compatible object stores over HTTP/1.1.
//
// Purpose: list, fetch and store objects of any size, despite failures and restarts. Must never: show a key, follow a
// redirect with a signed request, accept a certificate that does not verify, use a response without checking that it is
// for the request, hold a file in memory, or decide when a delivery runs (its owner does).

import Glibc
import HTTPTransport
import S3
import Threads

/// The connections to all object stores of a process. Call `shutdown` before releasing the last reference.
package final class ObjectStoreClient: Sendable {
    package let settings: ObjectStoreSettings
    let transport: HTTPTransport
    /// Seconds since 1970.
    let clock: @Sendable () -> Int64

    package convenience init(settings: ObjectStoreSettings = ObjectStoreSettings()) {
        self.init(settings: settings, clock: { Clocks.wallWholeSeconds }, adjust: { _ in })
    }

    /// - Parameter adjust: for tests, to override names and addresses.
    package init(
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

    /// Closes all connections. Running requests fail.
    package func shutdown() async { await transport.shutdown() }
}

/// One bucket. Cheap to create: connections belong to the client.
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

    /// Deletes an object. No error if it does not exist.
    package func delete(key: String) async throws(ObjectStoreError) {
        do {
            _ = try await answer(to: .delete(key: key))
        } catch  where error.kind == .noSuchKey {
        }
    }

    /// Checks that the bucket accepts these credentials, by requesting the first page of a listing once.
    package func check() async throws(ObjectStoreError) {
        _ = try await once(.list(prefix: "", pageSize: 1))
    }
}
