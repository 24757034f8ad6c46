import Registry

/// The references that are to be pulled, in the order in which they were tagged. Pure.
///
/// A reference is pulled once at a time: if it is tagged again during its pull, it waits for the end of that pull. Otherwise
/// the older pull might end last, and its content would replace the newer.
package struct FollowQueue: Sendable {
    package struct Item: Sendable, Hashable {
        package let reference: Reference
        /// What the tag was put to last; nil where that is not known.
        package let digest: BlobDigest?
    }

    /// Each reference once.
    private var waiting: [Item] = []
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

    /// - Parameter digest: what the tag was put to; nil where that is not known. Then what a reference waits with stays.
    package mutating func add(_ reference: Reference, digest: BlobDigest? = nil) {
        let known = waiting.firstIndex { $0.reference == reference }.flatMap { waiting.remove(at: $0).digest }
        waiting.append(Item(reference: reference, digest: digest ?? known))
        if waiting.count > most { waiting.removeFirst() }
    }

    /// Whether a reference is to be pulled after the pull of it that may be under way.
    package func isWaiting(_ reference: Reference) -> Bool { waiting.contains { $0.reference == reference } }

    /// The next reference to pull; nil if none is due. Call ``ended(_:)`` when its pull has ended.
    package mutating func next() -> Item? {
        guard underWay.count < atOnce, let place = waiting.firstIndex(where: { !underWay.contains($0.reference) })
        else { return nil }
        let item = waiting.remove(at: place)
        underWay.insert(item.reference)
        return item
    }

    package mutating func ended(_ reference: Reference) { underWay.remove(reference) }
}
