import Registry

/// The references that are to be pulled, in the order in which they were tagged. Pure.
///
/// A reference is pulled once at a time: if it is tagged again during its pull, it waits for the end of that pull. Otherwise
/// the older pull might end last, and its content would replace the newer.
package struct FollowQueue: Sendable {
    /// Each once.
    private var waiting: [Reference] = []
    private var underWay: Set<Reference> = []
    private let most: Int
    private let atOnce: Int

    /// - Parameters:
    ///   - most: references that wait; beyond it, those that wait longest are dropped.
    ///   - atOnce: references that are pulled at a time.
    package init(most: Int, atOnce: Int) {
        self.most = most
        self.atOnce = atOnce
    }

    package var isEmpty: Bool { waiting.isEmpty && underWay.isEmpty }

    package mutating func add(_ reference: Reference) {
        waiting.removeAll { $0 == reference }
        waiting.append(reference)
        if waiting.count > most { waiting.removeFirst() }
    }

    /// The next reference to pull; nil if none is due. Call ``ended(_:)`` when its pull has ended.
    package mutating func next() -> Reference? {
        guard underWay.count < atOnce, let place = waiting.firstIndex(where: { !underWay.contains($0) }) else {
            return nil
        }
        let reference = waiting.remove(at: place)
        underWay.insert(reference)
        return reference
    }

    package mutating func ended(_ reference: Reference) { underWay.remove(reference) }
}
