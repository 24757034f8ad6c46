import Fleet
import FleetLink
import Hashing
import Identity
import TestSupport
import Testing
import Text
import Threads

@Suite struct JoinTests {
    @Test func `A host joins with a token and has a certificate of its own key afterwards`() async throws {
        try await withControl { control, door in
            try await withDirectory { directory in
                let memory = LinkMemory.directory("\(directory)/link")
                let token = try await control.token()
                let (record, reply) = try await LinkJoin.join(
                    token, at: [door.control], facts: HostFacts(name: "web-1"), keeping: memory)
                #expect(record.node == NodeID(publicKey: record.key.publicKey))
                #expect(reply.state == .active)
                #expect(record.authority.pin == token.pin)
                let loaded = try #require(await memory.load())
                #expect(loaded.node == record.node)
                #expect(loaded.key.publicKey == record.key.publicKey)
                #expect(loaded.certificate == record.certificate)
                #expect(loaded.controls == [door.control])
                // To join anew takes another key.
                let (again, _) = try await LinkJoin.join(
                    try await control.token(), at: [door.control], facts: HostFacts(name: "web-1"), keeping: memory)
                #expect(again.node != record.node)
                #expect(try await memory.load()?.node == again.node)
            }
        }
    }

    @Test func `A host that joins once more with its token stays the node that it is`() async throws {
        try await withControl { control, door in
            try await withDirectory { directory in
                let memory = LinkMemory.directory("\(directory)/link")
                let token = try await control.token()
                let (record, _) = try await LinkJoin.join(
                    token, at: [door.control], facts: HostFacts(name: "web-1"), keeping: memory)
                let (again, _) = try await LinkJoin.join(
                    token, at: [door.control], facts: HostFacts(name: "web-1"), keeping: memory)
                #expect(again.node == record.node)
                #expect(try await memory.load()?.key.publicKey == record.key.publicKey)
            }
        }
    }

    @Test func `A host whose reply was lost asks again with the same key`() async throws {
        try await withControl { control, door in
            try await withDirectory { directory in
                let token = try await control.token()
                // A control that is not there, and then the reply is lost on the way to the disk.
                let memory = LinkMemory.directory("\(directory)/link")
                await #expect(throws: LinkProblem.self) {
                    try await LinkJoin.join(
                        token, at: [ControlAddress(host: "127.0.0.1", port: 1)], facts: HostFacts(name: "web-1"),
                        keeping: memory)
                }
                let key = try #require(try HostKey.read("\(directory)/link/key.pem"))
                let (record, _) = try await LinkJoin.join(
                    token, at: [door.control], facts: HostFacts(name: "web-1"), keeping: memory)
                #expect(record.key.publicKey == key.publicKey)
            }
        }
    }

    @Test func `A control of another authority hears nothing of the secret`() async throws {
        try await withControl { control, _ in
            try await withControl { impostor, door in
                let token = try await control.token()
                let problem = await #expect(throws: LinkProblem.self) {
                    try await LinkJoin.join(
                        token, at: [door.control], facts: HostFacts(name: "web-1"), keeping: .none)
                }
                guard case .notTrusted = problem else {
                    Issue.record("\(String(describing: problem))")
                    return
                }
                #expect(await impostor.joins == 0)
            }
        }
    }

    @Test func `A control that shows the right authority beside its own is not believed`() throws {
        let (authority, other) = (try Authority(now: Clocks.wallSeconds), try Authority(now: Clocks.wallSeconds))
        let key = try #require(PublicKey(der: HostKey().publicKey))
        let forged = try other.server(["127.0.0.1"], key: key, now: Clocks.wallSeconds)
        let good = try authority.server(["127.0.0.1"], key: key, now: Clocks.wallSeconds)
        let node = try authority.node("n-abcdefghijklmnop", key: key, now: Clocks.wallSeconds)
        let (pin, now) = (ServerTrust.pin(authority.pin), Clocks.wallSeconds)
        #expect(throws: IdentityProblem.self) {
            try pin.check([forged.der, authority.certificate], named: "127.0.0.1", at: now)
        }
        #expect(throws: IdentityProblem.self) {
            try pin.check([forged.der, other.certificate, authority.certificate], named: "127.0.0.1", at: now)
        }
        // A node is no control, and another name is another server.
        for trust in [pin, .authority(authority.trusted)] {
            #expect(throws: IdentityProblem.self) {
                try trust.check([node.der, authority.certificate], named: "127.0.0.1", at: now)
            }
            #expect(throws: IdentityProblem.self) {
                try trust.check([good.der, authority.certificate], named: "127.0.0.2", at: now)
            }
            #expect(
                try trust.check([good.der, authority.certificate], named: "127.0.0.1", at: now) == authority.trusted)
        }
        let known = ServerTrust.authority(authority.trusted)
        #expect(try known.check([good.der], named: "127.0.0.1", at: now + 3600) == authority.trusted)
        #expect(throws: IdentityProblem.self) {
            try known.check([good.der], named: "127.0.0.1", at: now + 400 * 86_400)
        }
        #expect(throws: IdentityProblem.self) { try known.check([], named: "127.0.0.1", at: now) }
    }

    @Test func `A used token is told from an unknown one, and only unknown ones are limited`() async throws {
        try await withControl { control, door in
            let token = try await control.token()
            func join(_ token: EnrolmentToken) async -> LinkProblem? {
                do throws(LinkProblem) {
                    _ = try await LinkJoin.join(
                        token, at: [door.control], facts: HostFacts(name: "web-1"), keeping: .none)
                    return nil
                } catch {
                    return error
                }
            }
            #expect(await join(token) == nil)
            for _ in 0..<15 { #expect(await join(token)?.code == "token_used") }
            let wrong = try #require(
                EnrolmentToken(random: [UInt8](repeating: 7, count: 40), pin: control.authority.pin))
            for _ in 0..<10 { #expect(await join(wrong)?.code == "token_unknown") }
            #expect(await join(wrong)?.code == "too_many_joins")
        }
    }

    @Test func `A host whose clock is a year off hears of it from control`() async throws {
        try await withControl { control, door in
            let token = try await control.token()
            for offset in [-365.0, 365.0, 800] {
                let problem = await #expect(throws: LinkProblem.self) {
                    try await LinkJoin.join(
                        token, at: [door.control], facts: HostFacts(name: "web-1"), keeping: .none,
                        clock: { Clocks.wallSeconds + offset * 86_400 })
                }
                #expect(problem?.code == "clock")
            }
        }
    }
}
