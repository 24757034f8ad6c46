/// Limits how many downloads run at a time. Further downloads wait in order.
struct FetchSlots {
    private let most: Int
    private var underWay = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(most: Int) { self.most = max(1, most) }

    /// - Returns: whether a slot was free.
    mutating func take() -> Bool {
        guard underWay < most else { return false }
        underWay += 1
        return true
    }

    mutating func wait(_ continuation: CheckedContinuation<Void, Never>) { waiting.append(continuation) }

    /// Passes the slot to the first waiting download, or frees it.
    mutating func free() {
        if waiting.isEmpty { underWay -= 1 } else { waiting.removeFirst().resume() }
    }
}
