import Fleet

/// The order in which the figures of a job's nodes changed, so that a stream sends only what its client does not have.
struct FigureChanges: Sendable {
    /// In the order of their first report.
    private(set) var nodes: [NodeID] = []
    /// For each of ``nodes``, the number of its last report.
    private(set) var numbers: [UInt64] = []
    private var places: [NodeID: Int] = [:]
    /// The number of the job's last report.
    private(set) var last: UInt64 = 0

    mutating func note(_ node: NodeID) {
        last += 1
        guard let place = places[node] else {
            places[node] = nodes.count
            nodes.append(node)
            numbers.append(last)
            return
        }
        numbers[place] = last
    }
}

/// What a stream has shown of a job's figures. Nodes take turns: where not all fit into one message, none is left out
/// for long.
struct FigureCursor: Sendable {
    /// The job's last report when everything had been shown.
    private(set) var seen: UInt64 = 0
    private var shown: [UInt64] = []
    private var next = 0

    func isBehind(_ changes: FigureChanges) -> Bool { changes.last != seen }

    /// Offers nodes with new figures.
    /// - Parameter show: returns false if the message is full. The next message goes on with this node.
    mutating func take(from changes: FigureChanges, _ show: (NodeID) -> Bool) {
        // The figures were forgotten with the end of the job, and it has begun again.
        if shown.count > changes.nodes.count || seen > changes.last { self = FigureCursor() }
        shown += Array(repeating: 0, count: changes.nodes.count - shown.count)
        for step in changes.nodes.indices {
            let place = (next + step) % changes.nodes.count
            guard changes.numbers[place] > shown[place] else { continue }
            guard show(changes.nodes[place]) else {
                next = place
                return
            }
            shown[place] = changes.numbers[place]
        }
        seen = changes.last
    }
}
