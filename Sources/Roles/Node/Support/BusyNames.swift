/// Names of tasks with work in progress. Counted: two pieces of work may overlap, and the name is busy until both have
/// ended.
package struct BusyNames: Sendable {
    private var counts: [String: Int] = [:]

    package init() {}

    package func contains(_ name: String) -> Bool { counts[name] != nil }

    package mutating func insert(_ name: String) { counts[name, default: 0] += 1 }

    /// Call once for each `insert`.
    package mutating func remove(_ name: String) {
        guard let count = counts[name] else { return }
        counts[name] = count > 1 ? count - 1 : nil
    }
}
