import Fleet
import FleetAgent
import JSON
import TestSupport
import Testing
import Text

/// A class's object store and web server beside peers. The servers are small ones of this process.
@Suite(.serialized) struct StoreTests {
    private struct Place {
        let control: TestControl
        let server: TestServer
        let sender: TestHost
        let receiver: TestHost
    }

    /// - Parameters:
    ///   - sources: of the class.
    ///   - areKeysEverywhere: whether the receiver has keys too.
    private func with(
        _ sources: (TestServer) -> JSONValue, more: JSONObject = JSONObject(), areKeysEverywhere: Bool = false,
        _ body: (Place) async throws -> Void
    ) async throws {
        try await inDirectory { directory in
            let server = try TestServer(root: directory.path)
            defer { server.stop() }
            server.state.withLock { $0.wantsSignature = true }
            var terms = JSONObject(["dest": "app", "sources": sources(server), "timeout": "20s"])
            for member in more.members { terms[member.key] = member.value }
            let control = TestControl(terms: .object(terms))
            func host(_ number: UInt8, hasKeys: Bool) throws -> TestHost {
                try TestHost(number, control, in: TemporaryDirectory(in: directory.path)) { configuration in
                    var store = StoreSettings()
                    (store.endpoint, store.accessKey, store.secretKey) = (server.url, Secret("ak"), Secret("sk"))
                    if hasKeys { configuration.stores = ["bucket": store] }
                }
            }
            let place = Place(
                control: control, server: server, sender: try host(1, hasKeys: true),
                receiver: try host(2, hasKeys: areKeysEverywhere))
            let hosts = [place.sender, place.receiver]
            for host in hosts { try await host.start() }
            do { try await body(place) } catch {
                for host in hosts { await host.stop() }
                throw error
            }
            for host in hosts { await host.stop() }
        }
    }

    private func send(_ place: Place) async throws -> String {
        let source = place.sender.directory
        try source.makeDirectory("source/v1")
        for (name, count) in [("a", 3_000_000), ("b", 2_900_000), ("c", 10)] {
            try source.write("source/v1/\(name)", randomBytes(count, seed: UInt64(count)))
        }
        return try await place.sender.agent.send(SendOrder(className: "app", path: source.path("source/v1"))).plan.job
    }

    /// Bytes that came by a way, as the receipt says.
    private func bytes(_ way: String, _ place: Place) throws -> Int64 {
        let receipt = place.control.reports(of: place.receiver.node).last?.receipt ?? ""
        let json = try JSONValue.parse(Array(receipt.dropFirst("signed:".count).utf8))
        return json["sources"]?[way]?.lenientInteger ?? -1
    }

    private func arrive(_ job: String, _ place: Place) async throws {
        try await wait(for: "delivery") { place.control.has("delivered", of: place.receiver.node) }
        await place.control.all(job, .switches(at: nil))
        try await wait(for: "the end") { place.control.has("done", of: place.receiver.node) }
        for (name, count) in [("a", 3_000_000), ("b", 2_900_000), ("c", 10)] {
            #expect(
                place.receiver.directory.read("root/app/v1/\(name)") == randomBytes(count, seed: UInt64(count)))
        }
    }

    private func bucket(_ server: TestServer) -> JSONValue {
        ["url": "obs://bucket/releases", "endpoint": .string(server.url)]
    }

    @Test(arguments: [true, false])
    func `the sender puts its content into the bucket, whose share comes from there with keys or signed URLs`(
        hasKeys: Bool
    ) async throws {
        try await with({ ["shares": "1:1:0", "bucket": bucket($0)] }, areKeysEverywhere: hasKeys) { place in
            let job = try await send(place)
            try await arrive(job, place)
            let objects = place.server.state.withLock { $0.objects.keys.sorted() }
            #expect(objects == ["bucket/releases/v1/a", "bucket/releases/v1/b", "bucket/releases/v1/c"])
            // Whole files: one of the two large ones. What two files have in one piece may come either way.
            #expect(try (2_500_000...3_500_000).contains(bytes("store", place)))
            #expect(try bytes("store", place) + bytes("peers", place) == 5_900_010)
            let signatures = place.server.state.withLock { $0.signatures }
            #expect((signatures["query"] ?? 0) > 0 || hasKeys)
            #expect((signatures["query"] ?? 0) == 0 || !hasKeys)
            #expect(signatures["none"] == nil)
            // Control was given no key.
            let grant = place.control.state.withLock { $0.jobs[job]?.grant }
            #expect(grant?.urls.count == 3 && grant?.urls.allSatisfy { !$0.value.contains("sk") } == true)
        }
    }

    @Test func `a store that refuses is replaced by peers`() async throws {
        try await with({ ["shares": "0:1:0", "bucket": bucket($0)] }) { place in
            place.server.state.withLock { $0.refused = ["/bucket": 403] }
            let job = try await send(place)
            try await arrive(job, place)
            let got = try bytes("peers", place)
            #expect(got == 5_900_010)
        }
    }

    @Test func `a web server has the share that the class gives it, wherever it says that a job's content lies`()
        async throws
    {
        try await with({ server in ["shares": "0:0:1", "cdn": ["url": .string(server.url + "/dcp/{job}/x")]] }) {
            place in
            let files = try TemporaryDirectory()
            place.server.state.withLock { $0.root = files.path }
            try files.makeDirectory("j-1")
            try files.makeDirectory("j-1/x")
            for (name, count) in [("a", 3_000_000), ("b", 2_900_000), ("c", 10)] {
                try files.write("j-1/x/\(name)", randomBytes(count, seed: UInt64(count)))
            }
            let job = try await send(place)
            try await arrive(job, place)
            #expect(try bytes("web", place) == 5_900_010)
        }
    }

    @Test func `without p2p a target gives nothing to others, and has everything all the same`() async throws {
        try await with({ _ in [:] }, more: ["p2p": false]) { place in
            let job = try await send(place)
            try await arrive(job, place)
            #expect(try bytes("peers", place) == 5_900_010)
            let figures = await place.receiver.agent.figures()
            #expect(figures.allSatisfy { $0.up == 0 })
        }
    }
}
