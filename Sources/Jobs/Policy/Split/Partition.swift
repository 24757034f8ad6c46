/// Assigns any file to any of the methods: greedily from the largest file down, improved by moving files, followed by a
/// bounded search that proves the result best or finds a better one.
struct Partition {
    let sizes: [Int64]
    /// The bytes that each method is to get, before the first file is assigned.
    let score: SplitScore
    let methods: [DeliveryMethod]
    var maxSteps = ContentSplit.maxSteps

    /// The method of each file.
    func owners() -> [DeliveryMethod] {
        guard let first = methods.first else { return [] }
        guard methods.count > 1 else { return sizes.map { _ in first } }
        // Largest first; equal ones in their order, so that the result is deterministic.
        let order = sizes.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
        var search = PartitionSearch(
            sizes: order.map { sizes[$0] }, methods: methods, score: score, maxSteps: maxSteps)
        var owners = [DeliveryMethod](repeating: first, count: sizes.count)
        for (place, method) in zip(order, search.best()) { owners[place] = method }
        return owners
    }
}

/// Branch and bound over the files, from the largest down.
struct PartitionSearch {
    private let sizes: [Int64]
    private let methods: [DeliveryMethod]
    private var score: SplitScore
    private var steps: Int
    private var current: [DeliveryMethod] = []
    private var answer: [DeliveryMethod] = []
    private var answerValue = SplitValue.worst

    /// With more files than this a search is useless, and the greedy result deviates by at most one small file.
    private static let maxSearchedFiles = 64

    init(sizes: [Int64], methods: [DeliveryMethod], score: SplitScore, maxSteps: Int) {
        self.sizes = sizes
        self.methods = methods
        self.score = score
        steps = maxSteps
    }

    mutating func best() -> [DeliveryMethod] {
        greedy()
        if sizes.count <= Self.maxSearchedFiles { descend() }
        return answer
    }

    private mutating func greedy() {
        var greedy = score
        answer = sizes.map { size in
            let method = greedy.neediest(of: methods)
            greedy.give(size, to: method)
            return method
        }
        improve(&greedy)
        answerValue = greedy.value
    }

    /// Moves single files, smallest first, if that reduces the deviation.
    private mutating func improve(_ score: inout SplitScore) {
        for index in answer.indices.reversed() {
            for method in methods where method != answer[index] {
                let before = score.value
                score.withdraw(sizes[index], from: answer[index])
                score.give(sizes[index], to: method)
                if score.value < before {
                    answer[index] = method
                    break
                }
                score.withdraw(sizes[index], from: method)
                score.give(sizes[index], to: answer[index])
            }
        }
    }

    private mutating func descend() {
        guard steps > 0, score.bound < answerValue.sum else { return }
        steps -= 1
        guard current.count < sizes.count else {
            answerValue = score.value
            answer = current
            return
        }
        let size = sizes[current.count]
        // The method that needs most first, then the others in order.
        let first = score.neediest(of: methods)
        give(size, to: first)
        for method in methods where method != first { give(size, to: method) }
    }

    private mutating func give(_ size: Int64, to method: DeliveryMethod) {
        score.give(size, to: method)
        current.append(method)
        descend()
        current.removeLast()
        score.withdraw(size, from: method)
    }
}
