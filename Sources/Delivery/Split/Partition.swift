/// Any file to any method with a share: greedy from the biggest file down, made better by moving and swapping files,
/// then a bounded search that proves it best or finds what is.
struct Partition {
    let sizes: [Int64]
    let shares: PerMethod<Int>
    let methods: [DeliveryMethod]
    private var maxSteps = ContentSplit.maxSteps

    init(sizes: [Int64], shares: Shares) {
        self.init(
            sizes: sizes, targets: PerMethod(bt: shares.bt, obs: shares.obs, cdn: shares.cdn),
            maxSteps: ContentSplit.maxSteps)
    }

    /// - Parameter targets: parts, of which at least one is above 0.
    init(sizes: [Int64], targets: PerMethod<Int>, maxSteps: Int) {
        self.sizes = sizes
        shares = targets
        methods = DeliveryMethod.allCases.filter { targets[$0] > 0 }
        self.maxSteps = maxSteps
    }

    /// The method of each file.
    func owners() -> [DeliveryMethod] {
        guard let first = methods.first else { return [] }
        guard methods.count > 1 else { return sizes.map { _ in first } }
        // Biggest first; equal ones in their order, so that the answer is the same every time.
        let order = sizes.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
        var search = PartitionSearch(
            sizes: order.map { sizes[$0] }, methods: methods, score: SplitScore(targets: shares, sizes: sizes),
            maxSteps: maxSteps)
        var owners = [DeliveryMethod](repeating: first, count: sizes.count)
        for (place, method) in zip(order, search.best()) { owners[place] = method }
        return owners
    }
}

/// Branch and bound over files from the biggest down.
struct PartitionSearch {
    let sizes: [Int64]
    let methods: [DeliveryMethod]
    private var score: SplitScore
    private var steps: Int
    private var current: [DeliveryMethod]
    private var answer: [DeliveryMethod]
    private var answerValue: SplitValue

    init(sizes: [Int64], methods: [DeliveryMethod], score: SplitScore, maxSteps: Int) {
        self.sizes = sizes
        self.methods = methods
        self.score = score
        steps = maxSteps
        current = []
        answer = []
        answerValue = .worst
    }

    mutating func best() -> [DeliveryMethod] {
        greedy()
        // Deeper than this a search gets nowhere: with so many files the greedy answer is within a small file of the
        // shares, and the recursion stays shallow.
        if sizes.count <= 64 { descend() }
        return answer
    }

    private mutating func greedy() {
        var greedy = score
        answer = sizes.map { size in
            let method = neediest(greedy)[0]
            greedy.give(size, to: method)
            return method
        }
        improve(&greedy)
        answerValue = greedy.value
    }

    /// Moves single files, smallest first, as long as that brings the sum nearer.
    private mutating func improve(_ score: inout SplitScore) {
        for index in answer.indices.reversed() {
            for method in methods where method != answer[index] {
                let before = score.value
                score.take(sizes[index], from: answer[index])
                score.give(sizes[index], to: method)
                if score.value < before {
                    answer[index] = method
                    break
                }
                score.take(sizes[index], from: method)
                score.give(sizes[index], to: answer[index])
            }
        }
    }

    private func neediest(_ score: SplitScore) -> [DeliveryMethod] {
        methods.sorted { (score.missing[$1], $0) < (score.missing[$0], $1) }
    }

    private mutating func descend() {
        guard steps > 0, score.bound <= answerValue.sum else { return }
        steps -= 1
        guard current.count < sizes.count else {
            if score.value < answerValue {
                answerValue = score.value
                answer = current
            }
            return
        }
        let size = sizes[current.count]
        for method in neediest(score) {
            score.give(size, to: method)
            current.append(method)
            descend()
            current.removeLast()
            score.take(size, from: method)
            if answerValue.sum == 0 { return }
        }
    }
}
