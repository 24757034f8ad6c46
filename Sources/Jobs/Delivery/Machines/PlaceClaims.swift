/// Which task holds which places: staging directories of what is received, contents of what is sent. Two tasks that
/// share one would ruin each other's work, so that the second is refused for as long as the first has it.
package struct PlaceClaims: Sendable {
    private var holders: [String: String] = [:]
    private var places: [String: Set<String>] = [:]

    package init() {}

    /// Who holds one of these places; nil when only `task` does, or nobody.
    package func holder(of wanted: Set<String>, besides task: String) -> String? {
        wanted.compactMap { holders[$0] }.filter { $0 != task }.min()
    }

    /// Gives places to a task, and takes back what it held before.
    /// - Returns: who holds one of them already; then nothing changes.
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
