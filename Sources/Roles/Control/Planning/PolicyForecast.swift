import Fleet

/// Predicts which nodes would refuse a job, from the policies that they have reported, for dry runs. The agent itself
/// decides.
enum PolicyForecast {
    /// - Returns: the key of the node's own configuration file that forbids the job; nil if nothing forbids it.
    static func refusal(of policy: HostPolicy, _ settings: FleetClass, bytes: Int64? = nil) -> String? {
        guard !policy.roots.isEmpty else { return "receive.roots" }
        if !policy.classes.isEmpty, !policy.classes.contains(settings.name) { return "receive.classes" }
        let destination = settings.destination.isEmpty ? settings.name : settings.destination
        if destination.hasPrefix("/"), !policy.roots.contains(where: { isBelow(destination, $0) }) {
            return "receive.roots"
        }
        if let hook = settings.hook, !policy.hooks.contains(hook.name) { return "hooks" }
        if let bytes, let largest = policy.largest, bytes > largest { return "receive.max_size" }
        return nil
    }

    private static func isBelow(_ path: String, _ root: String) -> Bool {
        let root = root.hasSuffix("/") ? String(root.dropLast()) : root
        return path == root || path.hasPrefix(root + "/")
    }
}
