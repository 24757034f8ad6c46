import Agent
import BlobNode
import Hashing
import JSON
import Metainfo
import NIOHTTP1
import Registry
import TestSupport
import Testing
import Text

/// What origins answer to each other, and about each other.
@Suite(.serialized) struct InternalCallTests {
    @Test
    func `Where swarms go by a secret, a blob that another origin asks for is announced in the secret swarm alone`()
        async throws
    {
        let body = "d8:intervali60e5:peers0:e"
        let reply = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try await RawServer.with({ _, _ in [.send(reply), .close] }) { tracker in
            try await Bench.with(1, outside: Bench.Outside(trackers: [tracker.url()])) { bench in
                let secret = SwarmSecret(text: "a secret of sixteen bytes")
                let node = try bench[0].node
                node.setDoors(SwarmDoors(secret: secret))
                let bytes = sample(300_000, seed: 31)
                let digest = digest(of: bytes)
                #expect(try await bench.push(bytes, to: 0) == 201)
                let info = try await bench.call(.GET, 0, "/v1/internal/blobs/\(digest)/info")
                #expect(info.status == 200)
                let hash = try #require(node.catalogue.entry(of: digest.sha256)?.infoHash)
                try await wait(10, for: "an announce") { !tracker.requests.isEmpty }
                let said = try #require(tracker.requests.first)
                #expect(said.contains("info_hash=" + PercentEncoding.encode(secret.wireHash(of: hash).bytes)))
                #expect(tracker.requests.allSatisfy { !$0.contains(PercentEncoding.encode(hash.bytes)) })
            }
        }
    }

    @Test func `The list of the parts says how many origins keep each blob, and agents find the same owners`()
        async throws
    {
        var settings = quick
        settings.replicas = 2
        try await Bench.with(4, settings) { bench in
            let list = try await bench.call(.GET, 1, "/v1/cluster")
            let value = try JSONValue.parse(list.body)
            #expect(value["replicas"] == 2)
            let cluster = try #require(Cluster(value))
            let kept = try #require(Cluster(cluster.kept))
            for seed in 0..<16 {
                let digest = digest(of: [UInt8(seed)])
                let owners = try bench.owners(of: digest).map { bench.hosts[$0] }
                #expect(cluster.owners(of: digest).map(\.host) == owners)
                #expect(kept.owners(of: digest).map(\.host) == owners)
            }
        }
    }

    @Test func `A deletion whose reply was lost has succeeded when the next index finds nothing to delete`()
        async throws
    {
        let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        try await RawServer.with({ _, _ in [.close] }) { silent in
            try await RawServer.with({ _, _ in [.send(none)] }) { next in
                func urls(_ servers: [String]) -> Bench.Outside { .init(indexes: servers.compactMap { HTTPURL($0) }) }
                let path = "/v1/names/team/app/tags/1"
                try await Bench.with(1, outside: urls([silent.url(""), next.url("")])) { bench in
                    let deleted = try await bench.call(.DELETE, 0, path)
                    #expect(deleted.status == 204)
                    #expect(try await bench.call(.GET, 0, path).status == 404)
                }
                // Nobody listens there: the request was not sent.
                try await Bench.with(1, outside: urls(["http://127.0.0.1:1", next.url("")])) { bench in
                    let refused = try await bench.call(.DELETE, 0, path)
                    #expect(refused.status == 404)
                }
            }
        }
    }

    @Test func `A forwarded request says who its client is, and not what the client says of itself`() async throws {
        let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        try await RawServer.with({ _, _ in [.send(none)] }) { index in
            let outside = Bench.Outside(indexes: [index.url("")].compactMap { HTTPURL($0) })
            try await Bench.with(1, outside: outside) { bench async throws in
                let answer = try await bench.call(
                    .PUT, 0, "/v1/names/team/app/tags/1",
                    ["Swoop-Client-Address": "192.0.2.7", "Swoop-Forwarded-By": "Bearer guess"], body: [1])
                #expect(answer.status == 404)
                let head = try #require(index.requests.last).lowercased()
                #expect(head.contains("swoop-client-address: 127.0.0.1\r\n"))
                #expect(!head.contains("192.0.2.7") && !head.contains("swoop-forwarded-by"))
            }
        }
    }

    @Test(arguments: ["PATCH", "OPTIONS", "POST"])
    func `A method that an index refuses is refused with those that the path has`(method: String) async throws {
        let refused = "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n\r\n"
        try await RawServer.with({ _, _ in [.send(refused)] }) { index in
            let outside = Bench.Outside(indexes: [index.url("")].compactMap { HTTPURL($0) })
            try await Bench.with(1, outside: outside) { bench async throws in
                for path in ["/v1/resolve/team/app:1", "/v1/names/team/app/tags/1"] {
                    let answer = try await bench.call(HTTPMethod(rawValue: method), 0, path)
                    #expect(answer.status == 405 && answer.headers.first(name: "allow") == "GET, HEAD")
                }
                #expect(index.requests.allSatisfy { $0.hasPrefix(method + " ") })
            }
        }
    }

    @Test func `A forwarded read goes first to the index that answered last`() async throws {
        let none = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        try await RawServer.with({ _, _ in [.close] }) { silent in
            try await RawServer.with({ _, _ in [.send(none)] }) { next in
                let outside = Bench.Outside(indexes: [silent.url(""), next.url("")].compactMap { HTTPURL($0) })
                try await Bench.with(1, outside: outside) { bench async throws in
                    let path = "/v1/names/team/app/tags/1"
                    #expect(try await bench.call(.GET, 0, path).status == 404)
                    let asked = silent.requests.count
                    #expect(asked > 0)
                    for _ in 0..<2 { #expect(try await bench.call(.GET, 0, path).status == 404) }
                    #expect(silent.requests.count == asked)
                }
            }
        }
    }
}
