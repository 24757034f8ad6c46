import Agent
import Files
import Glibc
import JSON

/// The list of a registry's parts, kept in the agent's cache for its next run. Both functions block.
enum KeptCluster {
    static func read(_ path: SystemPath) -> Cluster? {
        guard let bytes = try? HeldFile(path).readAll(limit: 1 << 20), let value = try? JSON.JSONValue.parse(bytes)
        else { return nil }
        return Cluster(value)
    }

    static func write(_ cluster: Cluster, to path: SystemPath) {
        guard let (directory, name) = try? HeldDirectory.holding(path) else { return }
        // The list may contain the swarms' secret, so nobody else may read the file.
        do {
            var file = try directory.replacement(
                name, temporary: .random(prefix: ".cluster-"), [.writeOnly, .hiddenFromOthers])
            guard fchmod(file.descriptor, 0o600) == 0 else { return }
            try file.write(cluster.kept.encode(.indented))
            try file.commit(isDurable: true)
        } catch {
            // Without the file, the next run asks the registry for the list.
        }
    }
}
