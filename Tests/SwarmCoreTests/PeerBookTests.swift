import SwarmCore
import Testing
import Text

@Suite struct PeerBookTests {
    private func book(_ change: (inout PeerBook<String>.Limits) -> Void = { _ in }) -> PeerBook<String> {
        var limits = PeerBook<String>.Limits()
        change(&limits)
        return PeerBook(limits: limits)
    }

    @Test func `half open connections and connections are bounded`() {
        var book = book { $0.halfOpen = 3 }
        book.learn((0..<10).map(String.init), from: .tracker)
        #expect(book.dial(connections: 0, now: 0) == ["0", "1", "2"])
        #expect(book.dial(connections: 0, now: 0) == [])
        book.connected("0")
        #expect(book.dial(connections: 78, now: 0) == [], "two half open, 78 there")
        #expect(book.dial(connections: 1, now: 0) == ["3"])
    }

    @Test(arguments: [(16 << 10, 40), (256 << 10, 40), (512 << 10, 64), (1 << 20, 80), (16 << 20, 80)])
    func `short pieces are announced to fewer peers`(pieceLength: Int, connections: Int) {
        var book = PeerBook<String>(limits: .init(pieceLength: pieceLength))
        book.learn((0..<200).map(String.init), from: .tracker)
        var made = 0
        while true {
            let dialled = book.dial(connections: made, now: 0)
            for address in dialled { book.connected(address) }
            made += dialled.count
            if dialled.isEmpty { break }
        }
        #expect(made == connections)
        #expect(
            book.dial(connections: 5000, dialled: connections / 2 - 1, now: 0).count == 1, "half of them are its own")
        #expect(book.dial(connections: 5000, dialled: connections / 2, now: 0).isEmpty)
    }

    @Test func `connections that others made do not keep this host from dialling`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<10).map(String.init), from: .tracker)
        #expect(book.dial(connections: 5000, dialled: 0, now: 0) == ["0", "1", "2"])
        for name in ["0", "1", "2"] { book.connected(name) }
        #expect(book.dial(connections: 5003, dialled: 3, now: 0) == [])
        #expect(book.dial(connections: 79, dialled: 3, now: 0) == ["3"], "few are here, whoever made them")
    }

    @Test func `silent peers that other peers named leave room for those of a tracker`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<50).map { "hearsay \($0)" }, from: .exchange)
        let silent = book.dial(connections: 5000, dialled: 0, now: 0)
        #expect(silent.count == 3)
        for address in silent { book.connected(address) }
        #expect(book.dial(connections: 5003, dialled: 3, now: 1) == [])
        book.learn((0..<50).map { "tracker \($0)" }, from: .tracker)
        let found = book.dial(connections: 5003, dialled: 3, now: 2)
        #expect(found == ["tracker 0", "tracker 1", "tracker 2"], "as many as the silent ones hold, and no more")
        for address in found { book.connected(address) }
        #expect(book.dial(connections: 5006, dialled: 6, now: 3) == [])
    }

    @Test func `without hearsay a tracker's addresses get no more than before`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<50).map { "tracker \($0)" }, from: .tracker)
        for address in book.dial(connections: 5000, dialled: 0, now: 0) { book.connected(address) }
        #expect(book.dial(connections: 5003, dialled: 3, now: 1) == [])
    }

    @Test func `the user's own addresses are dialled beside many of others`() {
        var book = book { $0.dialled = 3 }
        book.learn((0..<10).map(String.init), from: .tracker)
        book.learn(["mine"], from: .configured)
        #expect(book.dial(connections: 5003, dialled: 3, now: 0) == ["mine"])
    }

    @Test func `an address that this host had no descriptor for is tried soon and is not to blame`() {
        var book = book()
        book.learn(["a"], from: .exchange)
        for now in 0..<100 {
            #expect(book.dial(connections: 0, now: Double(now)) == ["a"])
            book.postponed("a", now: Double(now))
            #expect(book.dialling == 0)
            #expect(book.dial(connections: 0, now: Double(now) + 0.9) == [])
        }
    }

    @Test func `a failed address is tried later and later`() {
        var book = book()
        book.learn(["a"], from: .configured)
        var now = 0.0
        for wait in [2.0, 4, 8, 16] {
            #expect(book.dial(connections: 0, now: now) == ["a"])
            book.failed("a", now: now)
            #expect(book.dial(connections: 0, now: now + wait - 0.01) == [])
            now += wait
        }
        book.learn(["a"], from: .tracker)
        #expect(book.dial(connections: 0, now: now) == ["a"])
        book.connected("a")
        book.failed("a", now: now)
        #expect(book.dial(connections: 0, now: now + 2) == ["a"], "after a connection it begins anew")
    }

    @Test func `addresses that nobody reaches are forgotten but the users are not`() {
        for (origin, isKept) in [(PeerBook<String>.Origin.configured, true), (.tracker, false)] {
            var book = book()
            book.learn(["a"], from: origin)
            for round in 0..<20 {
                _ = book.dial(connections: 0, now: Double(round) * 1000)
                book.failed("a", now: Double(round) * 1000)
            }
            #expect((book.count == 1) == isKept)
            #expect(book.dialling == 0)
        }
    }

    @Test func `addresses without end are not remembered`() {
        var book = book()
        book.learn(["mine"], from: .configured)
        book.learn((0..<10_000).map(String.init), from: .exchange)
        #expect(book.count <= 4000)
        #expect(book.dial(connections: 0, now: 0).contains("mine"), "what strangers say does not push out the user's")
    }

    @Test func `peers that were shunned neither fill the book nor keep new ones out`() {
        var book = book()
        for index in 0..<20_000 {
            let address = "stranger\(index)"
            book.connected(address)
            if index % 2 == 0 { book.shun(address) } else { book.ban(address) }
        }
        #expect(book.count <= 12_000)
        book.learn(["new"], from: .exchange)
        #expect(book.dial(connections: 0, now: 0) == ["new"])
        #expect(book.isBanned("stranger19999"), "the latest are remembered")
    }

    @Test func `a peer whose second way was shunned is dialled again when the first ends`() {
        var book = book()
        book.learn(["a"], from: .tracker)
        #expect(book.dial(connections: 0, now: 0) == ["a"])
        book.shun("a")
        #expect(book.dial(connections: 1, now: 1e6) == [])
        book.failed("a", now: 1e6)
        #expect(book.dial(connections: 0, now: 1e6 + 2) == ["a"])
        // One that only came by itself is forgotten.
        book.connected("b")
        book.shun("b")
        book.failed("b", now: 1e6)
        #expect(book.dial(connections: 0, now: 2e6) == [] && book.count == 1)
    }

    @Test func `what peers say does not push out what trackers say`() {
        var book = book { $0.capacity = 100 }
        book.learn((0..<200).map { "gossip\($0)" }, from: .exchange)
        book.learn((0..<80).map { "tracker\($0)" }, from: .tracker)
        book.learn((200..<1_000).map { "gossip\($0)" }, from: .exchange)
        book.learn(["mine"], from: .configured)
        #expect(book.count <= 101)
        let dialled = book.dial(connections: 0, now: 0) + book.dial(connections: 0, now: 0)
        #expect(dialled.count { $0.hasPrefix("tracker") } == 50 || dialled.contains("mine"))
        var all: Set<String> = []
        for address in dialled { book.shun(address) }
        all.formUnion(dialled)
        while case let more = book.dial(connections: 0, now: 0), !more.isEmpty {
            all.formUnion(more)
            for address in more { book.shun(address) }
        }
        #expect(all.contains("mine"))
        #expect(all.count { $0.hasPrefix("tracker") } == 80)
    }

    /// Whatever strangers do in whatever order.
    @Test(arguments: 0..<10) func `the book and its queue stay bounded`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var book = book {
            $0.capacity = 50
            $0.outcasts = 20
            $0.halfOpen = 10
            $0.connections = 15
        }
        var connected: Set<String> = []
        var banned: [String] = []
        for step in 0..<5_000 {
            let now = Double(step) / 10
            let address = String(Int.random(in: 0..<400, using: &random))
            switch Int.random(in: 0..<10, using: &random) {
            case 0: book.learn((0..<20).map { "\(step)-\($0)" }, from: .exchange)
            case 1: book.learn([address], from: .tracker)
            case 2, 3:
                if connected.count < 15 {
                    book.connected(address)
                    if !book.isBanned(address) { connected.insert(address) }
                }
            case 4, 5:
                if let gone = connected.randomElement() {
                    connected.remove(gone)
                    book.failed(gone, now: now)
                }
            case 6:
                connected.remove(address)
                book.shun(address)
            case 7 where step % 7 == 0:
                connected.remove(address)
                book.ban(address)
                banned.removeAll { $0 == address }
                banned.append(address)
            default:
                let dialled = book.dial(connections: connected.count, now: now)
                #expect(Set(dialled).count == dialled.count)
                #expect(connected.isDisjoint(with: dialled))
                for address in dialled { book.failed(address, now: now) }
            }
            #expect(book.count <= 50 + 15 + 40)
            #expect(book.queueLength <= 50 + 15)
            for address in banned.suffix(20) { #expect(book.isBanned(address)) }
        }
        #expect(book.dialling == 0)
    }

    @Test func `the banned stay out and the shunned are not dialled`() {
        var book = book()
        book.learn(["bad", "self"], from: .tracker)
        _ = book.dial(connections: 0, now: 0)
        book.ban("bad")
        book.shun("self")
        #expect(book.dialling == 0)
        book.failed("bad", now: 0)
        book.learn(["bad", "self"], from: .tracker)
        #expect(book.dial(connections: 0, now: 1e6) == [])
        #expect(book.isBanned("bad"))
        #expect(!book.isBanned("self"))
    }

    @Test(arguments: 0..<10) func `the count of half open connections is never wrong`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var book = book { $0.halfOpen = 5 }
        var dialling: Set<String> = []
        for step in 0..<3000 {
            let address = String(Int.random(in: 0..<30, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: book.learn([address], from: Bool.random(using: &random) ? .tracker : .exchange)
            case 1:
                let new = book.dial(connections: 0, now: Double(step) * 10)
                #expect(dialling.isDisjoint(with: new), "nobody is dialled twice at a time")
                dialling.formUnion(new)
            case 2:
                book.connected(address)
                dialling.remove(address)
            case 3:
                book.failed(address, now: Double(step) * 10)
                dialling.remove(address)
            case 4 where step % 50 == 0:
                book.ban(address)
                dialling.remove(address)
            default:
                book.shun(address)
                dialling.remove(address)
            }
            #expect(book.dialling == dialling.count)
        }
    }
}
