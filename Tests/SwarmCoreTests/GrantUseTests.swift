import Metainfo
import PeerWire
import SwarmCore
import Testing

/// A leecher, and peers that give it grants.
@Suite struct UseOfGrants {
    private static let pieces = 16

    private func leecher(
        _ configure: (inout SwarmConfiguration) -> Void = { _ in }, traits change: (inout PeerTraits) -> Void = { _ in }
    ) throws -> (line: GrantingHost, key: PeerKey) {
        var line = try GrantingHost(pieces: Self.pieces, seed: false, configure: configure)
        var traits = PeerTraits(supportsFast: true)
        traits.supportsGrants = true
        traits.longestRequest = GrantingHost.requestLength
        change(&traits)
        let key = line.machine.join(traits, now: 0)
        line.keys.append(key)
        line.hear(.haveAll, from: key)
        return (line, key)
    }

    private func requests(_ messages: [Message]) -> [BlockRequest] {
        messages.compactMap { if case .request(let request) = $0 { request } else { nil } }
    }

    private func violations(_ line: inout GrantingHost, _ message: Message, _ key: PeerKey) -> Int {
        line.machine.received(message, from: key, now: line.now)
        return line.machine.takeActions().count { if case .disconnect(key, .violation) = $0 { true } else { false } }
    }

    @Test func `without a grant nothing is asked of a peer that grants uploads`() throws {
        var (line, key) = try leecher()
        line.hear(.extended(.grants(true)), from: key)
        line.hear(.unchoke, from: key)
        for piece in 0..<4 { line.hear(.suggest(UInt32(piece)), from: key) }
        for _ in 0..<20 { line.tick() }
        #expect(requests(line.takeSaid().messages(to: key)).isEmpty)
        line.hear(.extended(.grants(false)), from: key)
        #expect(!requests(line.takeSaid().messages(to: key)).isEmpty)
    }

    @Test func `what was suggested before granting ended is what is asked for then`() throws {
        var (line, key) = try leecher(traits: { $0.followsSuggestions = true })
        line.hear(.extended(.grants(true)), from: key)
        line.hear(.unchoke, from: key)
        line.hear(.suggest(11), from: key)
        line.hear(.extended(.grants(false)), from: key)
        let asked = requests(line.takeSaid().messages(to: key))
        #expect(!asked.isEmpty && asked.allSatisfy { $0.index == 11 })
    }

    /// Its requests were rejected while grants began or ended. It lay until the seed had said nothing for five seconds.
    @Test func `a piece begun whose suggestion is spent is fetched to its end`() throws {
        var (line, key) = try leecher(traits: { $0.followsSuggestions = true })
        line.hear(.suggest(3), from: key)
        line.hear(.suggest(4), from: key)
        line.hear(.unchoke, from: key)
        var waiting = requests(line.takeSaid().messages(to: key))
        let withheld = try #require(waiting.first)
        waiting.removeFirst()
        #expect(withheld.index == 3)
        // Until all of the next piece is there too.
        while let request = waiting.first {
            waiting.removeFirst()
            let span = BlockSpan(piece: Int(request.index), begin: Int(request.begin), length: Int(request.length))
            let placement = line.machine.beginBlock(span, from: key)
            line.machine.finishBlock(span, from: key, placement: placement, now: line.now)
            line.tick(after: 0.001)
            waiting += requests(line.takeSaid().messages(to: key))
        }
        line.hear(.reject(withheld), from: key)
        for _ in 0..<20 { line.tick() }
        #expect(requests(line.takeSaid().messages(to: key)) == [withheld])
    }

    @Test func `a rejected block is asked for again when it is granted`() throws {
        var (line, key) = try leecher()
        line.hear(.unchoke, from: key)
        let first = requests(line.takeSaid().messages(to: key))
        #expect(!first.isEmpty)
        line.hear(.extended(.grants(true)), from: key)
        for request in first { line.hear(.reject(request), from: key) }
        for _ in 0..<20 { line.tick() }
        #expect(requests(line.takeSaid().messages(to: key)).isEmpty)
        line.hear(.extended(.grant(nil)), from: key)
        let again = requests(line.takeSaid().messages(to: key))
        #expect(again.first?.index == first.first?.index)
    }

    @Test func `a grant is answered by the requests of one piece and its end`() throws {
        var (line, key) = try leecher()
        line.hear(.extended(.grants(true)), from: key)
        line.hear(.unchoke, from: key)
        var pieces: Set<UInt32> = []
        for named: UInt32? in [nil, 7, nil, 3] {
            _ = line.takeSaid()
            line.hear(.extended(.grant(named)), from: key)
            let said = line.takeSaid().messages(to: key)
            #expect(said.last == .extended(.grantOver))
            let asked = requests(said)
            #expect(asked.count == said.count - 1)
            let piece = try #require(asked.first?.index)
            if let named { #expect(piece == named) }
            #expect(asked.allSatisfy { $0.index == piece })
            #expect(asked.reduce(0) { $0 + Int($1.length) } == GrantingHost.pieceLength)
            #expect(asked.allSatisfy { $0.length <= GrantingHost.requestLength })
            #expect(pieces.insert(piece).inserted)
        }
    }

    @Test func `what is not wanted is not asked for`() throws {
        var (line, key) = try leecher()
        line.hear(.extended(.grants(true)), from: key)
        // Choked.
        line.hear(.extended(.grant(nil)), from: key)
        #expect(line.takeSaid().messages(to: key).suffix(1) == [.extended(.grantOver)])
        line.hear(.unchoke, from: key)
        line.hear(.extended(.grant(7)), from: key)
        #expect(requests(line.takeSaid().messages(to: key)).count > 1)
        // It is on its way already.
        line.hear(.extended(.grant(7)), from: key)
        #expect(line.takeSaid().messages(to: key) == [.extended(.grantOver)])
        line.machine.setAsksPeers(false, now: 0)
        line.hear(.extended(.grant(8)), from: key)
        #expect(requests(line.takeSaid().messages(to: key)).isEmpty)
    }

    @Test func `a seed uses no grant`() throws {
        var line = try GrantingHost()
        let key = line.join()
        _ = line.takeSaid()
        line.hear(.extended(.grant(nil)), from: key)
        #expect(line.takeSaid().messages(to: key) == [.extended(.grantOver)])
    }

    @Test(arguments: [16, 17, 0xffff_fffe]) func `a grant of a piece out of range ends the connection`(piece: UInt32)
        throws
    {
        var (line, key) = try leecher()
        line.hear(.unchoke, from: key)
        #expect(violations(&line, .extended(.grant(piece)), key) == 1)
    }

    @Test func `requests are as long as the peer serves however few it takes`() throws {
        for (queue, longest) in [(1, 16384), (2, 32768), (1, GrantingHost.requestLength), (0, 16384)] {
            var (line, key) = try leecher(traits: { ($0.requestQueue, $0.longestRequest) = (queue, longest) })
            line.hear(.extended(.grants(true)), from: key)
            line.hear(.unchoke, from: key)
            for _ in 0..<5 { line.hear(.extended(.grant(nil)), from: key) }
            let asked = requests(line.takeSaid().messages(to: key))
            #expect(!asked.isEmpty)
            #expect(asked.count <= max(1, queue), "\(queue), \(longest)")
            #expect(asked.allSatisfy { $0.length <= longest }, "\(queue), \(longest)")
        }
    }

    @Test func `a grant by a peer that announced none does no harm`() throws {
        var (line, key) = try leecher()
        line.hear(.unchoke, from: key)
        let asked = requests(line.takeSaid().messages(to: key))
        line.hear(.extended(.grant(nil)), from: key)
        let more = requests(line.takeSaid().messages(to: key))
        #expect(Set(asked).isDisjoint(with: more), "nothing is asked for twice")
        let bytes = (asked + more).reduce(0) { $0 + Int($1.length) }
        #expect(line.machine.swarm.peers[key]?.outstandingBytes == bytes)
    }

    @Test func `thousands of grants ask for no more than there is room for`() throws {
        var (line, key) = try leecher({ $0.openBytes = 4 * GrantingHost.pieceLength })
        line.hear(.extended(.grants(true)), from: key)
        line.hear(.unchoke, from: key)
        _ = line.takeSaid()
        for number in 0..<20_000 {
            line.hear(.extended(.grant(number % 2 == 0 ? nil : UInt32(number / 2 % Self.pieces))), from: key)
            if number % 3 == 0 { line.hear(.extended(.grants(true)), from: key) }
        }
        let said = line.takeSaid().messages(to: key)
        let bytes = requests(said).reduce(0) { $0 + Int($1.length) }
        #expect(bytes <= 4 * GrantingHost.pieceLength)
        #expect(said.count { $0 == .extended(.grantOver) } == 20_000)
        let outstanding = try #require(line.machine.swarm.peers[key]?.outstanding.count)
        #expect(outstanding <= 250)
    }

    /// Seven pieces on their way, each from another source.
    private func busy() throws -> (line: GrantingHost, keys: [PeerKey]) {
        var (line, first) = try leecher()
        var keys = [first]
        for _ in 1..<10 {
            keys.append(line.join(isInterested: false))
            for piece in 0..<Self.pieces { line.hear(.have(UInt32(piece)), from: keys[keys.count - 1]) }
        }
        for key in keys {
            line.hear(.extended(.grants(true)), from: key)
            line.hear(.unchoke, from: key)
        }
        for key in keys.prefix(7) { line.hear(.extended(.grant(nil)), from: key) }
        return (line, keys)
    }

    @Test func `with seven pieces on their way a grant is passed on`() throws {
        var (line, keys) = try busy()
        let begun = Set(requests(line.takeSaid().map(\.message)).map(\.index))
        #expect(begun.count == 7)
        line.hear(.extended(.grant(nil)), from: keys[8])
        #expect(line.takeSaid().messages(to: keys[8]) == [.extended(.grantOver)])
        // What a seed names is with nobody else.
        let named = try #require((0..<UInt32(Self.pieces)).first { !begun.contains($0) })
        line.hear(.extended(.grant(named)), from: keys[8])
        #expect(Set(requests(line.takeSaid().messages(to: keys[8])).map(\.index)) == [named])
    }

    @Test func `slow sources do not keep us from others`() throws {
        var (line, keys) = try busy()
        for _ in 0..<16 { line.tick() }
        _ = line.takeSaid()
        line.hear(.extended(.grant(nil)), from: keys[8])
        #expect(!requests(line.takeSaid().messages(to: keys[8])).isEmpty)
    }

    @Test func `what is on its way is not asked of another at once at the end`() throws {
        var (line, keys) = try busy()
        for key in keys.prefix(8) { line.hear(.extended(.grant(nil)), from: key) }
        for piece in 0..<Self.pieces { line.hear(.extended(.grant(UInt32(piece))), from: keys[0]) }
        let asked = line.takeSaid().flatMap { said in requests([said.message]).map { (said.key, $0) } }
        #expect(Set(asked.map(\.1.index)).count == Self.pieces)
        let first = try #require(asked.first?.1.index)
        line.now = 0.2
        for (key, request) in asked where request.index == first {
            let span = BlockSpan(piece: Int(first), begin: Int(request.begin), length: Int(request.length))
            let placement = line.machine.beginBlock(span, from: key)
            #expect(placement == .buffer)
            _ = line.machine.finishBlock(span, from: key, placement: placement, now: line.now)
        }
        line.hear(.extended(.grant(nil)), from: keys[9])
        #expect(line.takeSaid().messages(to: keys[9]) == [.extended(.grantOver)])
        // Twice the time of all that is on its way, 2 seconds at most.
        for _ in 0..<20 { line.tick() }
        _ = line.takeSaid()
        line.hear(.extended(.grant(nil)), from: keys[9])
        #expect(!requests(line.takeSaid().messages(to: keys[9])).isEmpty)
    }
}
