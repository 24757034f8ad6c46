import IndexServer
import Registry
import RegistrySettings
import Text

// The configuration of an index, from its files.
extension RoleConfiguration {
    /// `postgresql://…`; nil for a file.
    var indexDatabase: String? {
        guard let text = values.database?.value, text.contains("://") else { return nil }
        return text
    }

    /// Path of the SQLite file, from the key `database` or Kraken's `localdb`.
    private var indexPath: String? {
        values.database.flatMap { $0.value.contains("://") ? nil : $0.value } ?? values.localDatabase.source
    }

    var indexDirectory: String? {
        guard let path = indexPath, let slash = path.lastIndex(of: "/") else { return values.data }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    var indexFile: String? { indexPath.flatMap { $0.split(separator: "/").last }.map(String.init) }

    /// Other registries to replicate to, by URL.
    func remotes() throws -> [(remote: String, patterns: [String])] {
        var remotes: [(remote: String, patterns: [String])] = []
        for entry in values.remotes {
            guard let url = PartURL.url(entry.key) else {
                throw Failure(.usage, "the key 'remotes' is wrong: '\(entry.key.shown)' is no address of a registry")
            }
            remotes.append((url.text, entry.value))
        }
        return remotes
    }

    /// Fills in settings that no option has set.
    /// - Parameter isRoles: whether the index runs in place of Kraken's, whose other roles default to ports of this
    ///   host.
    func fill(_ configuration: inout IndexConfiguration, isRoles: Bool) throws {
        configuration.swarms = try swarms()
        if let mutable = values.mutable { configuration.mutable = mutable }
        if let first = values.tagReplication.interval { configuration.remoteBackoff = Backoff(first: first) }
        let isConfigured = isRoles || place.path != nil
        if configuration.origins.isEmpty, isConfigured || !values.origin.isEmpty {
            configuration.origins = try urls(of: values.origin, usual: 15_002)
        }
        if configuration.trackers.isEmpty, isConfigured || !values.tracker.isEmpty {
            configuration.trackers = announceURLs()
        }
        if configuration.indexes.isEmpty, !values.cluster.isEmpty {
            configuration.indexes = try urls(of: values.cluster, usual: 15_004)
        }
    }
}
