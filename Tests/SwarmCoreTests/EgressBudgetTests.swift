import Metainfo
import PeerWire
import SwarmCore
import Testing

/// No second copies for agents because they are few.
private func strict(_ limits: inout EgressLimits) {
    (limits.fewAgents, limits.mostHelp, limits.helpPerSecond) = (0, 0, 0)
}

/// An origin with a budget, and agents that say what the test has them say.
@Suite struct `An origin's budget` {
    private func origin(
        pieces: Int = 8, _ change: (inout EgressLimits) -> Void = strict
    ) throws -> GrantingHost {
        var limits = EgressLimits()
        change(&limits)
        return try GrantingHost(pieces: pieces) { $0.egress = limits }
    }

    /// The agent asks for a piece.
    /// - Returns: bytes that it is sent.
    private func bytes(of piece: Int, to key: PeerKey, _ host: inout GrantingHost) -> Int {
        host.ask(piece, by: key)
        return host.send(to: key)
    }

    /// Other agents have the piece after this.
    private func give(_ piece: Int, to key: PeerKey, _ host: inout GrantingHost) {
        host.tick()
        #expect(bytes(of: piece, to: key, &host) == GrantingHost.pieceLength)
        host.hear(.have(UInt32(piece)), from: key)
    }

    @Test func `a second copy waits until the others have not delivered for ten seconds`() throws {
        var host = try origin()
        let first = host.join(supportsGrants: false)
        give(0, to: first, &host)
        let second = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 0, to: second, &host) == 0)
        for _ in 0..<95 { host.tick() }
        #expect(host.send(to: second) == 0)
        for _ in 0..<10 { host.tick() }
        #expect(host.send(to: second) == GrantingHost.pieceLength)
    }

    @Test(arguments: [false, true])
    func `where copies are only to be saved, agents that get nothing from each other do not wait`(
        isPreference: Bool
    ) throws {
        var host = try origin(pieces: 4) {
            strict(&$0)
            $0.isPreference = isPreference
        }
        let first = host.join(supportsGrants: false)
        let second = host.join(supportsGrants: false)
        for piece in 0..<3 { give(piece, to: first, &host) }
        host.tick()
        #expect(bytes(of: 0, to: second, &host) == 0)
        for _ in 0..<12 { host.tick() }
        // The last first copy goes before any second one.
        #expect(host.send(to: second) == 0)
        give(3, to: first, &host)
        for _ in 0..<12 { host.tick() }
        #expect(host.send(to: second) == (isPreference ? GrantingHost.pieceLength : 0))
    }

    @Test func `what agents give each other is left to them, where it is half of what the host could send`() throws {
        var supply = MutualSupply(now: 0)
        for (second, (sent, gained, isScarce)) in [
            (0, 0, false), (1000, 0, true), (1000, 499, true), (0, 495, false), (0, 470, true), (100, 2000, false),
            // What it could send is no longer known.
            (0, 0, true), (0, 460, false),
        ].enumerated() {
            supply.sent(sent)
            supply.gained(Int64(gained))
            supply.look(now: Double(second) + 0.5)
            supply.look(now: Double(second) + 1)
            #expect(supply.isScarce == isScarce, "second \(second)")
        }
    }

    @Test func `a piece that others delivered meanwhile begins the wait anew`() throws {
        var host = try origin()
        let first = host.join(supportsGrants: false)
        give(0, to: first, &host)
        give(1, to: first, &host)
        let second = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 0, to: second, &host) == 0)
        for _ in 0..<80 { host.tick() }
        host.hear(.have(1), from: second)
        for _ in 0..<80 { host.tick() }
        #expect(host.send(to: second) == 0)
    }

    @Test func `a piece that its holders do not deliver is given again to who says so, whatever else comes`() throws {
        var host = try origin(pieces: 30)
        let first = host.join(supportsGrants: false)
        for piece in 0..<20 { give(piece, to: first, &host) }
        let second = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 0, to: second, &host) == 0)
        // Who has not been here for so long is not believed.
        host.hear(.extended(.lacks(0)), from: second)
        host.tick()
        #expect(host.send(to: second) == 0)
        for piece in 1..<15 {
            for _ in 0..<10 { host.tick() }
            host.hear(.have(UInt32(piece)), from: second)
        }
        #expect(host.send(to: second) == 0)
        host.hear(.extended(.lacks(0)), from: second)
        host.hear(.extended(.lacks(29)), from: first)
        host.tick()
        #expect(host.send(to: second) == GrantingHost.pieceLength)
        #expect(host.send(to: first) == 0)
    }

    @Test func `an agent tells an origin which pieces a peer does not deliver for ten seconds`() throws {
        var host = try GrantingHost(pieces: 4, seed: false)
        let silent = host.join(isInterested: false)
        host.hear(.have(2), from: silent)
        host.hear(.unchoke, from: silent)
        let origin = host.join(isInterested: false)
        host.machine.update(origin) { $0.hearsLacks = true }
        for piece in 0..<4 { host.hear(.have(UInt32(piece)), from: origin) }
        let other = host.join(isInterested: false)
        for piece in 0..<4 { host.hear(.have(UInt32(piece)), from: other) }
        for _ in 0..<95 { host.tick() }
        func told() -> [PeerKey] { host.said.filter { $0.message == .extended(.lacks(2)) }.map(\.key) }
        #expect(told().isEmpty)
        for _ in 0..<10 { host.tick() }
        #expect(told() == [origin])
    }

    @Test func `a piece is given again at once when no connected agent has it`() throws {
        var host = try origin()
        let first = host.join(supportsGrants: false)
        give(0, to: first, &host)
        let second = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 0, to: second, &host) == 0)
        host.leave(first)
        host.tick()
        #expect(host.send(to: second) == GrantingHost.pieceLength)
    }

    @Test func `agents that left with everything are waited for, but not for long`() throws {
        var host = try origin(pieces: 2)
        let first = host.join(supportsGrants: false)
        give(0, to: first, &host)
        give(1, to: first, &host)
        let second = host.join(supportsGrants: false)
        host.leave(first)
        host.tick()
        #expect(bytes(of: 0, to: second, &host) == 0)
        for _ in 0..<12 { host.tick() }
        #expect(host.send(to: second) == GrantingHost.pieceLength)
    }

    @Test func `within the budget an agent waits for three seconds, beyond it for ten`() throws {
        var host = try origin { ($0.fewAgents, $0.mostHelp, $0.helpPerSecond) = (0, 1, 1) }
        var keys: [PeerKey] = []
        for _ in 0..<2 { keys.append(host.join(supportsGrants: false)) }
        give(0, to: keys[0], &host)
        #expect(bytes(of: 0, to: keys[1], &host) == 0)
        for _ in 0..<35 { host.tick() }
        #expect(host.send(to: keys[1]) == GrantingHost.pieceLength)
        host.hear(.have(0), from: keys[1])
        let third = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 0, to: third, &host) == 0)
        for _ in 0..<60 { host.tick() }
        #expect(host.send(to: third) == 0)
        for _ in 0..<45 { host.tick() }
        #expect(host.send(to: third) == GrantingHost.pieceLength)
    }

    @Test func `few agents get second copies at once`() throws {
        var host = try origin { ($0.fewAgents, $0.mostHelp) = (3, 1) }
        let first = host.join(supportsGrants: false)
        give(0, to: first, &host)
        let second = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 0, to: second, &host) == GrantingHost.pieceLength)
    }

    @Test func `another origin is not held to the budget, and does not count`() throws {
        var host = try origin()
        let first = host.join(supportsGrants: false)
        give(0, to: first, &host)
        let other = host.join(supportsGrants: false)
        host.machine.update(other) { $0.isOrigin = true }
        host.tick()
        #expect(bytes(of: 0, to: other, &host) == GrantingHost.pieceLength)
        #expect(host.machine.swarm.egress?.extra == 0)
    }

    @Test func `an agent does not get the same piece again and again`() throws {
        var host = try origin()
        let greedy = host.join(supportsGrants: false)
        host.tick()
        var sent = 0
        for _ in 0..<20 {
            sent += bytes(of: 0, to: greedy, &host)
            host.tick()
        }
        #expect(sent <= 2 * GrantingHost.pieceLength)
    }

    @Test func `a request that waits can be cancelled, and ends with a choke`() throws {
        var host = try origin()
        let first = host.join(supportsGrants: false)
        give(0, to: first, &host)
        let second = host.join(supportsGrants: false)
        host.tick()
        host.ask(0, by: second)
        _ = host.takeSaid()
        host.hear(.cancel(GrantingHost.request(0, 0)), from: second)
        #expect(host.takeSaid().messages(to: second) == [.reject(GrantingHost.request(0, 0))])
        host.machine.setServing(false, now: host.now)
        host.tick()
        let rest = GrantingHost.request(0, GrantingHost.requestLength)
        #expect(host.takeSaid().messages(to: second) == [.choke, .reject(rest)])
    }

    @Test func `an agent that tells nobody what it has is served after others`() throws {
        var host = try origin(pieces: 64)
        let silent = host.join(supportsGrants: false)
        host.tick()
        for piece in 0..<3 { #expect(bytes(of: piece, to: silent, &host) == GrantingHost.pieceLength) }
        for _ in 0..<120 { host.tick() }
        #expect(host.machine.swarm.egress?.takers[silent]?.keepsPieces == true)
        // Nobody else wants anything.
        #expect(bytes(of: 4, to: silent, &host) == GrantingHost.pieceLength)
        let honest = host.join(supportsGrants: false)
        // What it kept is for others to have.
        give(0, to: honest, &host)
        host.tick()
        #expect(bytes(of: 5, to: silent, &host) == 0)
        for _ in 0..<12 { host.tick() }
        #expect(host.send(to: silent) == GrantingHost.pieceLength)
    }

    // MARK: Several origins

    private func dispatched(_ host: inout GrantingHost) -> Set<Int> {
        Set(
            host.takeSaid().compactMap {
                if case .suggest(let piece) = $0.message { Int(piece) } else { nil }
            })
    }

    /// An agent that follows suggestions.
    private func joinFollower(_ host: inout GrantingHost) -> PeerKey {
        let key = host.join(isInterested: false)
        host.machine.update(key) { $0.followsSuggestions = true }
        host.hear(.interested, from: key)
        host.tick()
        return key
    }

    @Test func `each of three origins gives the pieces of its share`() throws {
        for index in 0..<3 {
            var host = try origin(pieces: 12)
            host.machine.setShare(OwnerShare(index: index, of: 3), now: 0)
            _ = joinFollower(&host)
            let given = dispatched(&host)
            #expect(given == Set(stride(from: index, to: 12, by: 3)))
        }
    }

    @Test func `the share of an origin that is silent for five seconds is given by others`() throws {
        var host = try origin(pieces: 12)
        host.machine.setShare(OwnerShare(index: 0, of: 3), now: 0)
        let agent = joinFollower(&host)
        for piece in stride(from: 0, to: 12, by: 3) { give(piece, to: agent, &host) }
        // The second origin gives its first piece late, the third none.
        for _ in 0..<30 { host.tick() }
        host.hear(.have(1), from: agent)
        _ = host.takeSaid()
        for _ in 0..<30 { host.tick() }
        let said = host.takeSaid()
        let named = Set(said.compactMap { GrantingHost.grant($0)?.piece }.filter { $0 >= 0 })
        #expect(!named.isEmpty && named.allSatisfy { $0 % 3 == 2 })
    }

    @Test func `a share that changes is given from then on`() throws {
        var host = try origin(pieces: 12)
        host.machine.setShare(OwnerShare(index: 1, of: 2), now: 0)
        let agent = joinFollower(&host)
        let given = dispatched(&host)
        #expect(!given.isEmpty && given.allSatisfy { $0 % 2 == 1 })
        for piece in given.sorted() { give(piece, to: agent, &host) }
        _ = host.takeSaid()
        // The other origin is down.
        host.machine.setShare(OwnerShare(), now: host.now)
        for _ in 0..<5 { host.tick() }
        #expect(dispatched(&host).contains { $0 % 2 == 0 })
    }

    // MARK: While the origin itself fetches the content

    private func fetching() throws -> GrantingHost {
        var limits = EgressLimits()
        strict(&limits)
        return try GrantingHost(pieces: 8, missing: 1) { $0.egress = limits }
    }

    @Test func `an origin that is still fetching leaves the agents to one that has everything`() throws {
        var host = try fetching()
        let other = host.join(supportsGrants: false, isInterested: false)
        host.machine.update(other) { $0.isOrigin = true }
        for piece in 0..<8 { host.hear(.have(UInt32(piece)), from: other) }
        let agent = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 0, to: agent, &host) == 0)
        for _ in 0..<95 { host.tick() }
        #expect(host.send(to: agent) == 0)
        // Whoever gets nothing from others for so long is served.
        for _ in 0..<10 { host.tick() }
        #expect(host.send(to: agent) == GrantingHost.pieceLength)
        let second = host.join(supportsGrants: false)
        host.tick()
        #expect(bytes(of: 1, to: second, &host) == 0)
        host.leave(other)
        host.tick()
        #expect(host.send(to: second) == GrantingHost.pieceLength)
    }

    @Test func `an origin that fetches what no other has gives agents its two copies of each piece`() throws {
        var host = try fetching()
        let agents = (0..<3).map { _ in host.join(supportsGrants: false) }
        host.tick()
        // All ask before anything was sent.
        for agent in agents { host.ask(0, by: agent) }
        for agent in agents.prefix(2) {
            #expect(host.send(to: agent) == GrantingHost.pieceLength)
            host.hear(.have(0), from: agent)
        }
        host.tick()
        #expect(host.send(to: agents[2]) == 0)
        // Nobody else has it any more.
        for agent in agents.prefix(2) { host.leave(agent) }
        var sent = 0
        for _ in 0..<3 {
            host.tick()
            sent += host.send(to: agents[2])
        }
        #expect(sent == GrantingHost.pieceLength)
    }
}
