import HTTPTransport
import ObjectStore
import S3
import Text

/// The kinds of back ends, under the names of Kraken's configuration.
package enum BackendKind: String, Sendable, CaseIterable {
    case directory, testfs, s3, http

    /// Kinds of back ends that Kraken has and Swoop does not.
    package static let refused = ["registry_blob", "registry_tag", "hdfs", "gcs", "sql"]

    package init(named name: String) throws(BackendAddressProblem) {
        guard let kind = BackendKind(rawValue: name) else {
            throw Self.refused.contains(name) ? .notOffered(name) : .unknownKind(name)
        }
        self = kind
    }
}

/// Why a text is not the address of a back end that can be used.
package enum BackendAddressProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// A kind of back end that Kraken has and Swoop does not.
    case notOffered(String)
    case unknownKind(String)
    case malformed(String)
    /// The credentials in the environment are incomplete.
    case credentials(String)

    package var description: String {
        let kinds = "directory, testfs, s3 and http"
        switch self {
        case .notOffered(let name): return "back ends of the kind '\(name)' are not offered: there are \(kinds)"
        case .unknownKind(let name):
            return "there is no back end of the kind '\(ShownName.escaped(name))': there are \(kinds)"
        case .malformed(let text), .credentials(let text): return text
        }
    }
}

/// The address of a back end, as `--backend` takes it.
package enum BackendAddress: Sendable {
    case directory(path: String, BlobPaths)
    case testfs(HTTPURL, BlobPaths)
    case s3(ObjectStoreAddress, BlobPaths)

    /// - Parameters:
    ///   - text: `file:///DIR`, `http://HOST:PORT` of a `swoop testfs`, or `s3://BUCKET[/PREFIX]`; each may end with
    ///     `?name_path=KIND`.
    ///   - environment: the value of a variable of the process's environment; nil for one that is not set.
    package init(_ text: String, environment: (String) -> String?) throws(BackendAddressProblem) {
        guard let colon = text.firstRange(of: "://") else {
            throw .malformed("a back end is written file:///DIR, http://HOST:PORT or s3://BUCKET/PREFIX")
        }
        let scheme = text[..<colon.lowerBound].lowercased()
        var rest = text[colon.upperBound...]
        var asked: NamePath?
        if let mark = rest.firstRange(of: "?name_path=") {
            let word = String(rest[mark.upperBound...])
            guard let kind = NamePath(rawValue: word) else {
                throw .malformed("name_path is one of \(NamePath.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            asked = kind
            rest = rest[..<mark.lowerBound]
        }
        switch scheme {
        case "file":
            guard rest.hasPrefix("/"), !rest.utf8.contains(0) else {
                throw .malformed("a directory is written file:///DIR, with its whole path")
            }
            self = .directory(path: String(rest), BlobPaths(asked ?? .shardedDockerBlob))
        case "http", "https":
            guard let url = HTTPURL("\(scheme)://\(rest)"), url.query.isEmpty, url.path == "/" else {
                throw .malformed("a file store is written http://HOST:PORT, without a path")
            }
            self = .testfs(url, BlobPaths(root: BackendPath("blobs"), asked ?? .identity))
        case "s3", "obs":
            guard let place = ObjectLocation("s3://" + rest) else {
                throw .malformed("a bucket is written s3://BUCKET or s3://BUCKET/PREFIX")
            }
            let root = BackendPath(place.prefix)
            guard root != nil || place.prefix.isEmpty else { throw .malformed("'..' has no place in a prefix") }
            self = .s3(
                try Self.store(place.bucket, environment), BlobPaths(root: root, asked ?? .shardedDockerBlob))
        case "gs": throw .notOffered("gcs")
        default: throw try Self.problem(scheme)
        }
    }

    private static func problem(_ scheme: String) throws(BackendAddressProblem) -> BackendAddressProblem {
        _ = try BackendKind(named: scheme)
        return .malformed("a back end is written file:///DIR, http://HOST:PORT or s3://BUCKET/PREFIX")
    }

    /// The bucket's address, with region, endpoint and keys from the environment variables that AWS's programs read.
    private static func store(
        _ bucket: String, _ environment: (String) -> String?
    ) throws(BackendAddressProblem) -> ObjectStoreAddress {
        func variable(_ names: String...) -> String? {
            names.lazy.compactMap(environment).first { !$0.isEmpty }
        }
        let region = variable("AWS_REGION", "AWS_DEFAULT_REGION")
        let endpoint =
            variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") ?? "https://s3.\(region ?? "us-east-1").amazonaws.com"
        var credentials: S3Credentials?
        if let key = variable("AWS_ACCESS_KEY_ID") {
            guard
                let found = S3Credentials(
                    accessKey: key, secretKey: variable("AWS_SECRET_ACCESS_KEY") ?? "",
                    sessionToken: variable("AWS_SESSION_TOKEN"))
            else { throw .credentials("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is missing or malformed") }
            credentials = found
        }
        do throws(ObjectStoreError) {
            return try ObjectStoreAddress(
                endpoint: endpoint, bucket: bucket, region: region, credentials: credentials)
        } catch {
            throw .malformed(error.description)
        }
    }

    /// Opens the back end. Blocks on the disk: a missing directory is made.
    package func open() throws(BackendProblem) -> Backend {
        switch self {
        case .directory(let path, let names): Backend(try DirectoryStore(path: path), names: names)
        case .testfs(let url, let names): Backend(TestFSStore(url), names: names)
        case .s3(let address, let names): Backend(S3Store(address), names: names)
        }
    }
}
