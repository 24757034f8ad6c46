/// Tracks which task uses which paths: staging directories of received content, and sent content. Two tasks with the
/// same path would destroy each other's data, so the second is refused while the first uses it.
package struct PlaceClaims: Sendable {
    private var holders: [String: String] = [:]
    private var places: [String: Set<String>] = [:]

    package init() {}

    /// The task that uses one of these paths; nil if only `task` does, or none.
    package func holder(of wanted: Set<String>, besides task: String) -> String? {
        wanted.compactMap { holders[$0] }.filter { $0 != task }.min()
    }

    /// Assigns paths to a task, and releases its earlier ones.
    /// - Returns: the task that uses one of them already; then nothing changes.
    package mutating func claim(_ wanted: Set<String>, by task: String) -> String? {
        if let other = holder(of: wanted, besides: task) { return other }
        release(task)
        places[task] = wanted
        for place in wanted { holders[place] = task }
        return nil
    }

    package mutating func release(_ task: String) {
        for place in places.removeValue(forKey: task) ?? [] { holders[place] = nil }
    }
}
