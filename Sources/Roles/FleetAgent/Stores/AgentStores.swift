import Fleet
import HTTPOrigin
import HTTPTransport
import ObjectStore
import S3
import Text

/// The object stores and web servers that jobs may use beside peers, by the class's `sources` and the agent's own file.
final class AgentStores: Sendable {
    let web: WebSeedClient
    private let client: ObjectStoreClient
    private let own: [String: StoreSettings]

    init(_ own: [String: StoreSettings]) {
        self.own = own
        web = WebSeedClient()
        client = ObjectStoreClient()
    }

    /// Running requests fail.
    func shutdown() async {
        await web.shutdown()
        await client.shutdown()
    }

    /// Where one job's content lies in a bucket.
    struct Place: Sendable {
        let store: ObjectStore
        /// Of its keys; for content that is one file the key itself.
        let prefix: String
        /// Whether this host has keys for it.
        var hasKeys: Bool { store.address.credentials != nil }
    }

    /// - Throws: text for a person, without keys.
    func place(_ bucket: BucketTerms, job: String, name: String) throws(StorePlaceProblem) -> Place {
        let url = FleetSources.place(bucket.url, job: job, name: name) { $0 }
        guard let location = ObjectLocation(url) else {
            throw StorePlaceProblem("the class's bucket is no obs://BUCKET/PREFIX: \(DisplayName.escape(url))")
        }
        let own = own[location.bucket]
        // Keys go to the endpoint of the host's own file and nowhere else, whatever a class says.
        guard let endpoint = own?.endpoint ?? bucket.endpoint else {
            throw StorePlaceProblem(
                "no endpoint is known for bucket \(location.bucket): neither the class nor 'stores' has one")
        }
        do throws(ObjectStoreError) {
            let address = try ObjectStoreAddress(
                endpoint: endpoint, bucket: location.bucket, region: own?.region ?? bucket.region,
                style: (own?.style ?? bucket.style).map { $0 == .path ? .path : .virtualHost },
                signature: (own?.signature ?? bucket.signature) == .v4 ? .v4 : .v2,
                credentials: own?.credentials)
            return Place(store: ObjectStore(address: address, client: client), prefix: location.prefix)
        } catch {
            throw StorePlaceProblem(error.description)
        }
    }
}

/// Why a bucket cannot be used as things are.
struct StorePlaceProblem: Error, Sendable, Hashable, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension StoreSettings {
    /// Nil where the file has none.
    var credentials: S3Credentials? {
        guard let accessKey, let secretKey else { return nil }
        return S3Credentials(accessKey: accessKey.value, secretKey: secretKey.value)
    }
}
