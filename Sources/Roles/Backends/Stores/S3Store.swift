import HTTPOrigin
import NIOCore
import ObjectStore

/// A back end that is a bucket of an S3-compatible object store.
package struct S3Store: BackendStore {
    private let client: ObjectStoreClient
    private let store: ObjectStore

    /// The most attempts of one request. Callers retry for longer themselves.
    private static let attempts = 3

    package init(_ address: ObjectStoreAddress) {
        var settings = ObjectStoreSettings()
        settings.attempts = Self.attempts
        self.init(address, settings: settings)
    }

    package init(_ address: ObjectStoreAddress, settings: ObjectStoreSettings) {
        client = ObjectStoreClient(settings: settings)
        store = ObjectStore(address: address, client: client)
    }

    package var isWritable: Bool { true }
    package var description: String { "s3 \(store.address.bucket) at \(store.address.endpoint)" }

    package func size(of path: BackendPath) async throws(BackendProblem) -> Int64? {
        do throws(ObjectStoreError) {
            return try await store.head(key: path.text).size
        } catch  where error.kind == .noSuchKey {
            return nil
        } catch {
            throw Self.problem(error)
        }
    }

    package nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        var problem: BackendProblem?
        do throws(ObjectStoreError) {
            try await store.get(key: path.text, size: size, range: range, entityTag: nil) { chunk in
                let buffer = chunk.withUnsafeBytes { ByteBuffer(bytes: $0) }
                do throws(BackendProblem) {
                    try await sink(buffer, chunk.offset)
                    return true
                } catch {
                    problem = error
                    return false
                }
            }
        } catch {
            throw Self.problem(error)
        }
        if let problem { throw problem }
    }

    package func upload(file: String, to path: BackendPath) async throws(BackendProblem) {
        do throws(ObjectStoreError) {
            _ = try await store.upload(file: file, key: path.text)
        } catch {
            throw Self.problem(error)
        }
    }

    package func list(
        below directory: BackendPath?, _ body: ([String]) async -> Void
    ) async throws(BackendProblem) {
        do throws(ObjectStoreError) {
            try await store.list(prefix: directory.map { $0.text + "/" } ?? "") { page in
                await body(page.map(\.key).filter { BackendPath($0) != nil })
            }
        } catch {
            throw Self.problem(error)
        }
    }

    package func shutdown() async { await client.shutdown() }

    private static func problem(_ error: ObjectStoreError) -> BackendProblem {
        let kind: BackendProblem.Kind =
            switch error.kind {
            case .unresolved, .unreachable, .broken, .busy: .unavailable
            case .noSuchKey, .noSuchUpload: .missing
            case .changed, .wrongContent: .wrong
            case .unsupported, .address: .unsupported
            case .file: .disk
            case .cancelled: .cancelled
            case .untrusted, .denied, .clockSkew, .noSuchBucket, .redirected, .refused: .refused
            }
        return BackendProblem(kind, error.reason, retryAfter: error.retryAfter)
    }
}
