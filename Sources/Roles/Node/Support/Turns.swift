/// Serialises work on one path, and limits the total amount of work at any time.
actor Turns {
    private var last: [String: Task<Void, Never>] = [:]
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(atOnce: Int) { free = max(1, atOnce) }

    func run<R: Sendable>(_ key: String, _ body: @escaping @Sendable () async -> R) async -> R {
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
        let result = await task.value
        if last[key] == end { last[key] = nil }
        return result
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
