import Policy
import Testing
import Text

@Suite struct ContentSplitTests {
    /// The least distance that any split has, by trying all.
    private func leastDistance(_ sizes: [Int64], _ shares: Shares, torrentOrder: Bool) -> Int128 {
        let methods = shares.methods
        var best = Int128.max
        var choice = [Int](repeating: 0, count: sizes.count)
        while true {
            let owners = choice.map { methods[$0] }
            let isContiguous = !owners.drop { $0 == .bt }.contains(.bt)
            if !torrentOrder || isContiguous {
                var lists: [DeliveryMethod: [Int]] = [.bt: [], .obs: [], .cdn: []]
                for (file, owner) in owners.enumerated() { lists[owner]?.append(file) }
                best = min(best, ContentSplit.distance(lists, sizes: sizes, shares: shares))
            }
            guard let place = choice.lastIndex(where: { $0 < methods.count - 1 }) else { return best }
            choice[place] += 1
            for later in (place + 1)..<max(choice.count, place + 1) { choice[later] = 0 }
        }
    }

    private func randomShares(_ generator: inout SeededGenerator) -> Shares {
        while true {
            let parts = (0..<3).map { _ in Int.random(in: 0...3, using: &generator) }
            if let shares = Shares(bt: parts[0], obs: parts[1], cdn: parts[2]) { return shares }
        }
    }

    @Test(arguments: [false, true])
    func `small contents are split as closely as whole files allow`(torrentOrder: Bool) {
        var generator = SeededGenerator(seed: torrentOrder ? 3 : 4)
        for round in 0..<80 {
            let count = Int.random(in: 1...6, using: &generator)
            let limit: Int64 = round % 3 == 0 ? 5 : 1_000_000_000
            let sizes = (0..<count).map { _ in Int64.random(in: 0...limit, using: &generator) }
            let shares = randomShares(&generator)
            let lists = ContentSplit.assign(sizes, shares: shares, torrentOrder: torrentOrder)
            #expect(
                ContentSplit.distance(lists, sizes: sizes, shares: shares)
                    == leastDistance(sizes, shares, torrentOrder: torrentOrder), "\(sizes) \(shares)")
        }
    }

    @Test(arguments: [false, true])
    func `every file is in one list and a share of 0 gets none`(torrentOrder: Bool) {
        var generator = SeededGenerator(seed: 5)
        for round in 0..<60 {
            let count =
                round % 4 == 0 ? Int.random(in: 65...150, using: &generator) : Int.random(in: 0...9, using: &generator)
            let sizes = (0..<count).map { _ in Int64.random(in: 0...1_000_000, using: &generator) }
            let shares = randomShares(&generator)
            let lists = ContentSplit.assign(sizes, shares: shares, torrentOrder: torrentOrder)
            #expect(lists.values.joined().sorted() == Array(sizes.indices))
            for method in DeliveryMethod.allCases where shares[method] == 0 { #expect(lists[method] == []) }
            #expect(lists.values.allSatisfy { $0 == $0.sorted() })
            #expect(lists == ContentSplit.assign(sizes, shares: shares, torrentOrder: torrentOrder))
            if torrentOrder { #expect(lists[.bt] == Array(0..<(lists[.bt]?.count ?? 0))) }
        }
    }

    @Test(arguments: [false, true])
    func `many files come near the shares`(torrentOrder: Bool) throws {
        var generator = SeededGenerator(seed: 6)
        let sizes = (0..<5_000).map { _ in Int64.random(in: 1...1_000_000, using: &generator) }
        let shares = try #require(Shares("2:1:1"))
        let lists = ContentSplit.assign(sizes, shares: shares, torrentOrder: torrentOrder)
        // Within a file of the share.
        #expect(ContentSplit.distance(lists, sizes: sizes, shares: shares) / 4 <= 2_000_000)
    }

    @Test func `the seed's package is split`() throws {
        let sizes: [Int64] = [1778, 933_597_669, 8_623_166, 155, 1014, 1453]
        let lists = ContentSplit.assign(sizes, shares: try #require(Shares("1:1:1")), torrentOrder: false)
        #expect(lists[.bt] == [1])
        #expect(lists[.obs] == [2])
        #expect(lists[.cdn] == [0, 3, 4, 5])
    }

    @Test func `one file goes by the first method that it fits best`() throws {
        #expect(ContentSplit.assign([7], shares: try #require(Shares("1:1:1")), torrentOrder: false)[.bt] == [0])
        #expect(ContentSplit.assign([7], shares: try #require(Shares("1:1:1")), torrentOrder: true)[.bt] == [0])
        #expect(ContentSplit.assign([7], shares: try #require(Shares("1:3:1")), torrentOrder: true)[.obs] == [0])
        #expect(ContentSplit.assign([7], shares: try #require(Shares("0:0:1")), torrentOrder: true)[.cdn] == [0])
    }

    @Test func `sizes near the largest number do not trap`() throws {
        let sizes = [Int64.max, Int64.max, Int64.max, 0]
        let shares = try #require(Shares("10000:9999:9998"))
        let lists = ContentSplit.assign(sizes, shares: shares, torrentOrder: false)
        #expect(lists.values.joined().count == 4)
    }

    @Test(arguments: [
        "", "1", "1:1", "1:1:1:1", "0:0:0", "-1:1:1", "a:b:c", "1:1:99999999999999999999", "1:1:10001", "1 :1:1",
    ])
    func `shares that are none are refused`(text: String) { #expect(Shares(text) == nil) }
}
