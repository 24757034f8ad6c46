import HTTPTransport
import NIOCore
import Registry
import RegistryClient
import Synchronization
import Text

/// Reads the blobs that are replicated to other registries.
package protocol ReplicaBlobs: Sendable {
    /// A range of a blob. The sequence throws if the blob cannot be read to the end.
    func part(
        _ range: Range<Int64>, of digest: BlobDigest, in name: ContentName
    ) async throws(RegistryError) -> ReplicaPart
    /// Size in bytes; nil for an unknown blob.
    func size(of digest: BlobDigest, in name: ContentName) async throws(RegistryError) -> Int64?
}

/// Bytes of a blob, as they arrive.
package struct ReplicaPart: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    package struct AsyncIterator: AsyncIteratorProtocol {
        let take: () async throws -> ByteBuffer?
        package mutating func next() async throws -> ByteBuffer? { try await take() }
    }

    private let make: @Sendable () -> AsyncIterator

    /// - Parameter make: makes a function that returns the next bytes, and nil at the end.
    package init(_ make: @escaping @Sendable () -> () async throws -> ByteBuffer?) {
        self.make = { AsyncIterator(take: make()) }
    }

    package func makeAsyncIterator() -> AsyncIterator { make() }
}

/// Reads blobs from origins in other processes: from the first origin that has the blob.
package final class OriginReplicaBlobs: ReplicaBlobs {
    private let origins: @Sendable () async -> [HTTPURL]
    private let credential: RegistryCredential?
    private let settings: HTTPTransportSettings
    private let clients = Mutex<[String: RegistryClient]>([:])

    package init(
        _ origins: @escaping @Sendable () async -> [HTTPURL], credential: RegistryCredential?,
        settings: HTTPTransportSettings
    ) {
        self.origins = origins
        self.credential = credential
        self.settings = settings
    }

    package func shutdown() async {
        let all = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in all { await client.shutdown() }
    }

    private func client(_ url: HTTPURL) -> RegistryClient {
        clients.withLock { clients in
            if let client = clients[url.text] { return client }
            var options = RegistryClient.Options()
            options.tries = 2
            let client = RegistryClient(base: url, credential: credential, options: options, settings: settings)
            clients[url.text] = client
            return client
        }
    }

    package func part(
        _ range: Range<Int64>, of digest: BlobDigest, in name: ContentName
    ) async throws(RegistryError) -> ReplicaPart {
        var problem: RegistryError = .unknown(RegistryText.noBlob(digest))
        for origin in await origins() {
            do throws(RegistryError) {
                let body = try await client(origin).open(digest, in: name, range: range)
                return ReplicaPart {
                    var parts = body.makeIterator()
                    return { try await parts.next() }
                }
            } catch {
                problem = error
            }
        }
        throw problem
    }

    package func size(of digest: BlobDigest, in name: ContentName) async throws(RegistryError) -> Int64? {
        var problem: RegistryError?
        for origin in await origins() {
            do throws(RegistryError) {
                if let size = try await client(origin).size(of: digest, in: name) { return size }
            } catch {
                problem = error
            }
        }
        if let problem { throw problem }
        return nil
    }
}
