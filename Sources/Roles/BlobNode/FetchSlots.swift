/// How many downloads are under way at a time: those that come later wait, the first first.
struct FetchSlots {
    private let most: Int
    private var underWay = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(most: Int) { self.most = max(1, most) }

    /// - Returns: whether there was one.
    mutating func take() -> Bool {
        guard underWay < most else { return false }
        underWay += 1
        return true
    }

    mutating func wait(_ continuation: CheckedContinuation<Void, Never>) { waiting.append(continuation) }

    /// Passes a slot on, or gives it back.
    mutating func free() {
        if waiting.isEmpty { underWay -= 1 } else { waiting.removeFirst().resume() }
    }
}
