import SwarmCore
import Testing

@Suite struct `Admission of peers` {
    private typealias Admission = PeerAdmission<Int, String>

    private let first = PeerKey(slot: 1, generation: 0)
    private let second = PeerKey(slot: 2, generation: 0)

    @Test func `no host connects to itself`() {
        let admission = Admission(own: 5)
        #expect(admission.verdict(5, at: "a", isIncoming: true) == .own)
        #expect(admission.verdict(5, at: "a", isIncoming: false) == .own)
    }

    /// Both ends see the same two connections, each one incoming at one end.
    @Test(arguments: [false, true]) func `two hosts that dial each other keep the same connection`(smallerFirst: Bool) {
        var (small, large) = (Admission(own: 1), Admission(own: 9))
        // What each end does with the connection that the smaller id made, and the one that the larger id made.
        small.joined(first, 9, at: "large", isIncoming: !smallerFirst)
        large.joined(first, 1, at: "small", isIncoming: smallerFirst)
        let atSmall = small.verdict(9, at: "large", isIncoming: smallerFirst)
        let atLarge = large.verdict(1, at: "small", isIncoming: !smallerFirst)
        #expect(atSmall == (smallerFirst ? .replaces(first) : .duplicate))
        #expect(atLarge == atSmall)
    }

    @Test func `a second connection made the same way is not taken`() {
        var admission = Admission(own: 5)
        admission.joined(first, 7, at: "a", isIncoming: true)
        #expect(admission.verdict(7, at: "a", isIncoming: true) == .duplicate)
    }

    @Test func `the same id at another host is another peer`() {
        var admission = Admission(own: 5)
        admission.joined(first, 7, at: "a", isIncoming: true)
        #expect(admission.verdict(7, at: "b", isIncoming: true) == .admitted)
    }

    @Test func `a peer that has left may come back, and a replaced connection's end changes nothing`() {
        var admission = Admission(own: 5)
        admission.joined(first, 7, at: "a", isIncoming: false)
        admission.joined(second, 7, at: "a", isIncoming: true)
        admission.left(first)
        #expect(admission.verdict(7, at: "a", isIncoming: true) == .duplicate)
        admission.left(second)
        #expect(admission.verdict(7, at: "a", isIncoming: true) == .admitted)
    }

    @Test func `a banned peer stays out, and in the end its host does`() {
        var admission = Admission(own: 5)
        admission.ban(7, at: "a")
        #expect(admission.verdict(7, at: "a", isIncoming: true) == .banned)
        #expect(admission.verdict(8, at: "a", isIncoming: true) == .admitted)
        #expect(!admission.isBanned("a"))
        for id in 10..<13 { admission.ban(id, at: "a") }
        #expect(admission.isBanned("a") && !admission.isBanned("b"))
        #expect(admission.verdict(8, at: "a", isIncoming: false) == .banned)
    }

    @Test func `a peer that floods before it says its id counts against its host`() {
        var admission = Admission(own: 5)
        for _ in 0..<4 { admission.ban(nil, at: "a") }
        #expect(admission.isBanned("a"))
    }

    @Test func `once a host is banned as a whole, its connections are named to be closed`() {
        var admission = Admission(own: 5)
        admission.joined(first, 7, at: "a", isIncoming: true)
        admission.joined(second, 8, at: "b", isIncoming: true)
        for id in 10..<13 { #expect(admission.ban(id, at: "a").isEmpty) }
        #expect(admission.ban(13, at: "a") == [first])
    }
}
