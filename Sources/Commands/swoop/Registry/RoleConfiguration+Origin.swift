import Address
import Backends
import Files
import HTTPTransport
import Metainfo
import ObjectStore
import OriginCluster
import Registry
import RegistrySettings
import S3
import SwarmCore
import Text
import Upkeep

// The configuration of an origin, from its files.
extension RoleConfiguration {
    /// The directory of blobs: Kraken's key `castore.cache_dir`, else `data`.
    var originDirectory: String? { values.caStore.cacheDirectory ?? values.data }

    /// Fills in settings that no option has set. Blocks on the disk, and creates the directory of a back end if it is
    /// missing.
    /// - Parameter isRoles: whether the origin runs in place of Kraken's, whose other roles default to ports of this
    ///   host.
    func fill(_ configuration: inout OriginConfiguration, isRoles: Bool) throws {
        guard case .list(let named) = configuration.cluster else {
            return try fillRest(&configuration, isRoles: isRoles)
        }
        if !named.isEmpty {
            // The list of the command line takes precedence.
        } else if let dns = values.cluster.dns {
            configuration.cluster = .dns(name: dns.host, port: UInt16(clamping: dns.port))
        } else if !values.cluster.fixed.isEmpty {
            configuration.cluster = .list(values.cluster.fixed.map(\.description))
        }
        try fillRest(&configuration, isRoles: isRoles)
    }

    private func fillRest(_ configuration: inout OriginConfiguration, isRoles: Bool) throws {
        let isConfigured = isRoles || place.path != nil
        if configuration.indexes.isEmpty, isConfigured || !values.buildIndex.isEmpty {
            configuration.indexes = try urls(of: values.buildIndex, usual: 15_004)
        }
        if configuration.trackers.isEmpty, isConfigured || !values.tracker.isEmpty {
            configuration.trackers = announceURLs()
        }
        fill(&configuration.settings)
        if let swarms = try swarms() { configuration.swarms = swarms }
        if let pause = values.writeBack.interval {
            configuration.cold.backoff = Backoff(first: pause, longest: max(pause, 300))
        }
        configuration.database = values.localDatabase.source
        configuration.cold.largest = values.blobRefresh.sizeLimit.flatMap { $0 > 0 ? $0 : nil }
        configuration.site = site
        let rates = values.scheduler.connections.bandwidth
        configuration.peerRates = (rates.bytesSent.map { Int($0) }, rates.bytesReceived.map { Int($0) })
        configuration.pieceLengths = try pieceLengths()
        fill(&configuration.space)
        if let budget = values.budget {
            if budget == 0 { configuration.egress = nil } else { configuration.egress?.copies = max(1, budget) }
        }
        if !values.backEnds.isEmpty { configuration.backends = try backends() }
    }

    private func fill(_ settings: inout ClusterSettings) {
        let health = values.healthCheck
        settings.replicas = values.hashRing.maxReplica
        (settings.healthFailures, settings.healthSuccesses) = (health.fails, health.passes)
        (settings.healthInterval, settings.healthTimeout) = (health.interval, health.timeout)
        settings.resolveInterval = values.hashRing.refreshInterval ?? values.cluster.ttl
        if let repairAfter = values.repairAfter { settings.repairAfter = repairAfter }
        if let direct = values.direct { settings.direct = direct }
        if !values.caStore.uploads.isDisabled, let idle = values.caStore.uploads.tti { settings.idleUpload = idle }
    }

    private func fill(_ space: inout SpaceRules) {
        let cleanup = values.caStore.cleanup
        // As in Kraken, a threshold of 0 turns this cleanup off.
        if let percent = cleanup.aggressiveThreshold {
            space.aggressiveThreshold = percent == 0 ? .infinity : Double(percent) / 100
        }
        if let percent = cleanup.aggressiveLowerThreshold, percent > 0 {
            space.aggressiveLowerThreshold = Double(percent) / 100
        }
        if !cleanup.isDisabled { (space.tti, space.ttl) = (cleanup.tti, cleanup.ttl) }
    }

    private func pieceLengths() throws -> BlobPieceLengths {
        let steps = values.metainfo.steps
        guard !steps.isEmpty else { return .standard }
        do throws(MetainfoError) {
            return try BlobPieceLengths(
                steps.map { BlobPieceLengths.Step(from: $0.from, pieceLength: Int($0.pieceLength)) })
        } catch {
            throw Failure(
                .usage,
                "the key 'metainfogen.piece_lengths' is wrong: larger blobs have pieces that are as long or longer")
        }
    }

    /// Opens the back ends. Blocks.
    func backends() throws -> Backends {
        var rules: [Backends.Rule] = []
        for (index, given) in values.backEnds.enumerated() {
            do {
                rules.append(
                    Backends.Rule(
                        names: try NamePatterns([given.namespace]), backend: try backend(given),
                        mustReady: given.mustReady))
            } catch let problem as BackendProblem {
                throw Failure(.disk, "the key 'backends[\(index)]': \(problem)".shown)
            } catch let problem as BackendAddressProblem {
                throw Failure(.usage, "the key 'backends[\(index)]' is wrong: \(problem)".shown)
            } catch let error as ObjectStoreError {
                throw Failure(.usage, "the key 'backends[\(index)]' is wrong: \(error.description)".shown)
            }
        }
        return Backends(rules)
    }

    private func backend(_ given: BackEnd) throws -> Backend {
        func paced(_ store: some BackendStore) -> any BackendStore {
            let (sent, received) = (given.bandwidth.bytesSent, given.bandwidth.bytesReceived)
            return sent == nil && received == nil ? store : PacedStore(store, sent: sent, received: received)
        }
        switch given.kind {
        case .directory(let place):
            return Backend(paced(try DirectoryStore(path: place.path)), names: try Self.paths("", place.namePath))
        case .testfs(let place):
            guard let url = HTTPURL("http://\(place.address)") else {
                throw BackendAddressProblem.malformed("'\(place.address)' is no host and port")
            }
            return Backend(paced(TestFSStore(url)), names: try Self.paths(place.root, place.namePath))
        case .s3(let place):
            return Backend(paced(S3Store(try address(place))), names: try Self.paths(place.root, place.namePath))
        case .http(let place):
            return Backend(paced(try WebStore(pattern: place.downloadURL)), names: BlobPaths(.identity))
        case nil: throw BackendAddressProblem.malformed("a back end is one of directory, testfs, s3 and http")
        }
    }

    /// - Parameter root: slashes at its ends are ignored.
    private static func paths(_ root: String, _ kind: BackEnd.NamePath) throws -> BlobPaths {
        let bare = root.split(separator: "/", omittingEmptySubsequences: true).joined(separator: "/")
        guard let names = NamePath(rawValue: kind.rawValue) else {
            throw BackendAddressProblem.malformed("no name_path of this kind")
        }
        if bare.isEmpty { return BlobPaths(names) }
        guard let path = BackendPath(bare) else { throw BackendAddressProblem.malformed("'..' has no place in a root") }
        return BlobPaths(root: path, names)
    }

    /// A bucket with its credentials: the keys of its user in `auth`, or those of the environment if no user is named.
    private func address(_ place: S3BackEnd) throws -> ObjectStoreAddress {
        let region = place.region.flatMap { $0.isEmpty ? nil : $0 }
        var endpoint = place.endpoint.flatMap { $0.isEmpty ? nil : $0 }
        if let given = endpoint, !given.contains("://") { endpoint = (place.isPlain ? "http://" : "https://") + given }
        return try ObjectStoreAddress(
            endpoint: endpoint ?? "https://s3.\(region ?? "us-east-1").amazonaws.com", bucket: place.bucket,
            region: region, style: place.usesPathStyle.map { $0 ? .path : .virtualHost },
            credentials: try credentials(place.username))
    }

    private func credentials(_ user: String) throws -> S3Credentials? {
        let keys: (String, String, String?)
        if user.isEmpty {
            guard let key = Terminal.environment("AWS_ACCESS_KEY_ID"), !key.isEmpty else { return nil }
            keys = (
                key, Terminal.environment("AWS_SECRET_ACCESS_KEY") ?? "", Terminal.environment("AWS_SESSION_TOKEN")
            )
        } else {
            guard let found = values.auth.s3.last(where: { $0.key == user })?.value.s3 else {
                throw BackendAddressProblem.credentials("the key 'auth.s3' has no keys of the user '\(user)'")
            }
            keys = (found.accessKey, found.secretKey?.value ?? "", found.sessionToken?.value)
        }
        guard let credentials = S3Credentials(accessKey: keys.0, secretKey: keys.1, sessionToken: keys.2) else {
            throw BackendAddressProblem.credentials("the keys of the store are incomplete or malformed")
        }
        return credentials
    }
}
