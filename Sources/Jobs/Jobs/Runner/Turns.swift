/// Lets work on one thing (a path) be done one after the other, and so many at a time at most.
package actor Turns {
    private var last: [String: Task<Void, Never>] = [:]
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Work in the background that has not ended, by its number.
    private var background: [Int: Task<Void, Never>] = [:]
    private var lastBackground = 0

    package init(atOnce: Int) { free = max(1, atOnce) }

    package func run<R: Sendable>(_ key: String, _ body: @escaping @Sendable () async -> R) async -> R {
        let (task, end) = add(key, body)
        let result = await task.value
        hasEnded(key, end)
        return result
    }

    /// The same, for work that the caller does not wait for. Its place is behind all that is to be done on that thing already, and
    /// before what comes after this call.
    package func runInBackground(_ key: String, _ body: @escaping @Sendable () async -> Void) {
        let (task, end) = add(key, body)
        lastBackground += 1
        let number = lastBackground
        background[number] = Task {
            await task.value
            hasEnded(key, end)
            background[number] = nil
        }
    }

    /// Returns when all work in the background has ended.
    package func finishBackground() async {
        while let task = background.first?.value { await task.value }
    }

    private func add<R: Sendable>(
        _ key: String, _ body: @escaping @Sendable () async -> R
    ) -> (task: Task<R, Never>, end: Task<Void, Never>) {
        let before = last[key]
        let task = Task { [self] in
            await before?.value
            await enter()
            let result = await body()
            leave()
            return result
        }
        let end = Task { _ = await task.value }
        last[key] = end
        return (task, end)
    }

    private func hasEnded(_ key: String, _ end: Task<Void, Never>) {
        if last[key] == end { last[key] = nil }
    }

    private func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
