import Address
import Fleet
import FleetLink
import Foundation
import Hashing
import Identity
import TestSupport
import Testing
import Text

@Suite struct CallTests {
    @Test func `Every call of a sender reaches control and comes back`() async throws {
        try await withControl { control, door in
            let client = try await joined(control, at: [door.control])
            let order = SendOrder(className: "release", path: "/srv/x")
            #expect(try await client.plan(order, dryRun: true).job.isEmpty)
            let plan = try await client.plan(order, dryRun: false)
            #expect(plan.job == "j-1" && plan.refusals == ["root": 12])
            let content = JobContent(infoHashes: [String(repeating: "ab", count: 20)], files: 1, bytes: 5)
            let key = try await client.key(for: plan.job, KeyRequest(content: content))
            #expect(key.targets == [await client.node])
            let torrent = randomBytes(3 << 20)
            try await client.keep(metainfo: torrent, of: plan.job)
            #expect(try await client.metainfo(of: plan.job) == torrent)
            let start = StartRequest(
                key: key.key, content: content, classVersion: 3, targets: key.targets, addresses: [])
            #expect(try await client.start(plan.job, start).ticket == Secret("ef"))
            let again = await #expect(throws: LinkProblem.self) { try await client.start(plan.job, start) }
            #expect(again?.code == "key_used")
            #expect(try await client.view(of: plan.job).state == .running)
            try await client.abandon("j-2", reason: "unreadable")
            #expect(await control.abandoned == ["j-2": "unreadable"])
            let missing = await #expect(throws: LinkProblem.self) { try await client.metainfo(of: "j-9") }
            #expect(missing?.code == "no_job")
            let reply = try await client.announce(AnnounceRequest(job: "j-1", addresses: [], left: 5))
            #expect(reply.peers.map(\.description) == ["10.0.0.1:6881"])
            #expect(try await client.swarms() == SwarmList(swarms: [SHA1.digest([1])], interval: 2))
            await client.transport.shutdown()
        }
    }

    @Test func `An announce reaches all controls, and one that is gone does no harm`() async throws {
        try await withControl { control, door in
            let other = try TestControl(authority: control.authority)
            let second = try await LinkDoor.start(other)
            let client = try await joined(
                control, at: [door.control, second.control, ControlAddress(host: "127.0.0.1", port: 1)])
            _ = try await client.announce(AnnounceRequest(job: "j-1", addresses: [], left: 5))
            try await wait(for: "both") {
                let counts = (await control.announced.count, await other.announced.count)
                return counts == (1, 1)
            }
            await client.transport.shutdown()
            await second.stop()
        }
    }

    @Test func `Without a certificate nothing is answered but joining, and what is too long or no message is refused`()
        async throws
    {
        try await withControl { control, door in
            try await withDirectory { directory in
                _ = try PrivateFile.create("\(directory)/ca.pem", Array(control.authority.trusted.pem.utf8))
                _ = try PrivateFile.create("\(directory)/big", [UInt8](repeating: 0x20, count: 2 << 20))
                func curl(_ words: [String]) async throws -> String {
                    try await Command.ending(
                        [
                            "curl", "-s", "--cacert", "\(directory)/ca.pem", "--tlsv1.3", "-o", "/dev/null", "-w",
                            "%{http_code}",
                        ] + words
                    ).output
                }
                let base = "https://127.0.0.1:\(door.address.port)/agent/v1"
                #expect(try await curl(["\(base)/authority"]) == "200")
                #expect(try await curl(["-d", "{}", "\(base)/sync"]) == "401")
                #expect(try await curl(["-d", "{}", "\(base)/renew"]) == "401")
                #expect(try await curl(["\(base)/jobs/j-1"]) == "401")
                #expect(try await curl(["-d", "{}", "\(base)/join"]) == "422")
                #expect(try await curl(["-d", "[", "\(base)/join"]) == "422")
                #expect(try await curl(["--data-binary", "@\(directory)/big", "\(base)/join"]) == "413")
                #expect(try await curl(["\(base)/nothing"]) == "404")
                #expect(try await curl(["-X", "DELETE", "\(base)/join"]) == "404")
                // TLS 1.2 is not spoken.
                let old = try await Command.ending(
                    ["curl", "-s", "--cacert", "\(directory)/ca.pem", "--tls-max", "1.2", "\(base)/authority"])
                #expect(old.status != 0)
            }
        }
    }

    @Test func `A call that waits for a connection ends when it is cancelled, and takes nobody's turn`() async throws {
        try await withControl { control, door in
            let client = try await joined(control, at: [door.control])
            await control.holdViews()
            func call() -> Task<JobView, any Error> { Task { try await client.view(of: "j-1") } }
            let first = [call(), call()]
            try await wait(for: "two calls at control") { await control.held?.count == 2 }
            let others = [call(), call()]
            try await wait(for: "two that wait") { await client.transport.waitingCalls == 2 }
            others[0].cancel()
            await #expect(throws: LinkProblem.cancelled) { try await others[0].value }
            #expect(await client.transport.waitingCalls == 1)
            await control.letViewsGo()
            for call in first + [others[1]] { #expect(try await call.value.targets == 3) }
            await client.transport.shutdown()
        }
    }

    @Test func `Everything goes through an HTTP proxy`() async throws {
        try await withControl { control, door in
            try await withProxy { proxy, tunnels in
                let url = try #require(HTTPURL("http://127.0.0.1:\(proxy)"))
                let client = try await joined(control, at: [door.control], proxy: url)
                #expect(try await client.view(of: "j-1").state == .running)
                #expect(tunnels() == ["127.0.0.1:\(door.address.port)", "127.0.0.1:\(door.address.port)"])
                await client.transport.shutdown()
            }
        }
    }
}
