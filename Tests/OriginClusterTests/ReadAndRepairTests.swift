import Foundation
import Hashing
import OriginCluster
import Registry
import TestSupport
import Testing

/// Reads through an origin that does not have a blob, and copies that are made again.
@Suite(.serialized) struct ReadAndRepairTests {
    @Test func `Any origin gives a blob that another one has, whole and in ranges`() async throws {
        var settings = quick
        settings.replicas = 1
        try await Bench.with(3, settings) { bench in
            let bytes = sample(2_000_000, seed: 21)
            let digest = digest(of: bytes)
            let owner = try #require(try bench.owners(of: digest).first)
            #expect(try await bench.push(bytes, to: owner) == 201)
            #expect(bench.holders(of: digest) == [owner])
            for index in 0..<3 {
                let whole = try await bench.read(digest, from: index)
                #expect(whole.status == 200)
                #expect(whole.body == bytes)
                let part = try await bench.read(digest, from: index, range: "1000-1999")
                #expect(part.status == 206)
                #expect(part.body == Array(bytes[1000..<2000]))
                #expect(part.headers.first(name: "content-range") == "bytes 1000-1999/\(bytes.count)")
                let head = try await bench.call(.HEAD, index, "/v2/team/app/blobs/\(digest)")
                #expect(head.status == 200)
                #expect(head.headers.first(name: "content-length") == "\(bytes.count)")
                let info = try await bench.call(.GET, index, "/namespace/team/app/blobs/\(digest)/metainfo")
                #expect(info.status == 200)
            }
            let unknown = BlobDigest(SHA256.digest([9]))
            #expect(try await bench.read(unknown, from: 0).status == 404)
        }
    }

    @Test func `A blob that no origin gives may be at one that is down, and need not be pushed again`() async throws {
        try await Bench.with(3, quick) { bench in
            let lost = digest(of: [9])
            try await bench.index.addBlob(lost, to: try #require(Bench.name))
            try await wait(for: "all to be up") { (try? bench[0].watch.placement.down.isEmpty) == true }
            #expect(try await bench.read(lost, from: 0).status == 404)
            await bench.stop(2)
            let refused = try await bench.read(lost, from: 0)
            #expect(refused.status == 503)
            #expect(refused.headers.first(name: "retry-after") != nil)
            #expect(String(decoding: refused.body, as: UTF8.self).contains(bench.hosts[2]))
        }
    }

    /// Two disks that were bad in one place asked one another for ever.
    @Test func `A piece to mend with comes from the owner that has it right, whoever is asked first`() async throws {
        try await Bench.with(3, quick) { bench in
            let bytes = sample(600_000, seed: 27)
            let digest = digest(of: bytes)
            let owners = try bench.owners(of: digest)
            try #require(owners.count == 3)
            #expect(try await bench.push(bytes, to: owners[0]) == 201)
            try await wait(for: "three copies") { bench.holders(of: digest).count == 3 }
            // The one that is asked first is bad, the other right.
            let path = try bench[owners[1]].node.directory.path(of: digest.sha256)
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            try file.seek(toOffset: 1000)
            try file.write(contentsOf: Data("wrong".utf8))
            try file.close()
            let asking = try bench[owners[0]]
            let pieces = OwnerPieces(watch: asking.watch, peers: asking.peers)
            let (range, right) = (Int64(0)..<5000, Array(bytes[..<5000]))
            func mended(_ isRight: @escaping @Sendable ([UInt8]) -> Bool) async -> [UInt8]? {
                await pieces.bytes(of: digest, size: 600_000, range: range, names: [], isRight: isRight)
            }
            #expect(await mended { _ in true } != right)
            #expect(await mended { $0 == right } == right)
            #expect(await mended { _ in false } == nil)
        }
    }

    @Test func `A blob that is wrong on a disk is given from another, and by nobody while all are wrong`() async throws
    {
        try await Bench.with(3, quick) { bench in
            let bytes = sample(600_000, seed: 28)
            let digest = digest(of: bytes)
            #expect(try await bench.push(bytes, to: 0) == 201)
            try await wait(for: "three copies") { bench.holders(of: digest).count == 3 }
            func spoil(_ index: Int) throws {
                let node = try bench[index].node
                let file = try FileHandle(
                    forUpdating: URL(fileURLWithPath: node.directory.path(of: digest.sha256)))
                try file.seek(toOffset: 1000)
                try file.write(contentsOf: Data("wrong".utf8))
                try file.close()
                node.catalogue.setBad(digest.sha256, [0])
            }
            try spoil(0)
            for index in 0..<3 { #expect(try await bench.read(digest, from: index).body == bytes) }
            for index in 1..<3 { try spoil(index) }
            for index in 0..<3 {
                let refused = try await bench.read(digest, from: index)
                #expect(refused.status == 503, "\(refused.status)")
            }
        }
    }

    @Test func `A mount copies what too few origins have`() async throws {
        try await Bench.with(2, quick) { bench in
            let bytes = sample(300_000, seed: 29)
            let digest = digest(of: bytes)
            #expect(try await bench.push(bytes, to: 0) == 201)
            try await wait(for: "two copies") { bench.holders(of: digest).count == 2 }
            // The second copy is lost before anybody knows.
            _ = try bench[1].node.remove(digest.sha256)
            #expect(bench.holders(of: digest) == [0])
            let mounted = try await bench.call(
                .POST, 0, "/v2/team/other/blobs/uploads/?mount=\(digest)&from=team/app")
            #expect(mounted.status == 201)
            #expect(bench.holders(of: digest).count == 2)
        }
    }

    @Test func `More reads at a time than are allowed are told to come again`() async throws {
        var settings = quick
        settings.direct = 1
        try await Bench.with(1, settings) { bench in
            // More than fits between server and client, so that the first read lasts.
            let bytes = sample(64 << 20, seed: 22)
            let digest = digest(of: bytes)
            #expect(try await bench.push(bytes, to: 0) == 201)
            let socket = try Loopback.connect(to: try #require(UInt16(bench.hosts[0].split(separator: ":")[1])))
            defer { close(socket) }
            let head = "GET /v2/team/app/blobs/\(digest) HTTP/1.1\r\nHost: \(bench.hosts[0])\r\n\r\n"
            #expect(Loopback.send(socket, Array(head.utf8)))
            #expect(Loopback.receive(socket)?.starts(with: "HTTP/1.1 200".utf8) == true)
            let second = try await bench.read(digest, from: 0)
            #expect(second.status == 429)
            #expect(second.headers.first(name: "retry-after") != nil)
        }
    }

    @Test func `For an owner that is gone the next in rank takes its blobs, and lets go when it is back`() async throws
    {
        var settings = quick
        settings.replicas = 2
        try await Bench.with(3, settings) { bench in
            let bytes = sample(1_500_000, seed: 23)
            let digest = digest(of: bytes)
            let owners = try bench.owners(of: digest)
            let other = try #require((0..<3).first { !owners.contains($0) })
            #expect(try await bench.push(bytes, to: owners[0]) == 201)
            try await wait(90, for: "copies at the owners alone") { bench.holders(of: digest) == Set(owners) }
            await bench.stop(owners[1])
            try await wait(20, for: "a copy at the next in rank") {
                bench.holders(of: digest) == [owners[0], other]
            }
            try await bench.start(owners[1])
            try await wait(90, for: "copies at the owners alone") { bench.holders(of: digest) == Set(owners) }
        }
    }

    @Test func `An origin that lost its disk gets its blobs again, small ones too`() async throws {
        try await Bench.with(2) { bench in
            let all = [sample(1_200_000, seed: 24), sample(900, seed: 25), []]
            for bytes in all { #expect(try await bench.push(bytes, to: 0) == 201) }
            await bench.stop(1)
            try FileManager.default.removeItem(atPath: bench.work.path("origin1"))
            try await bench.start(1)
            try await wait(20, for: "all blobs") {
                all.allSatisfy { bench.holders(of: digest(of: $0)) == [0, 1] }
            }
        }
    }

    @Test func `A new origin in the list takes what it owns, and who owns it no more lets it go`() async throws {
        var settings = quick
        settings.replicas = 1
        try await Bench.with(3, list: 2, settings) { bench in
            let all = (0..<12).map { sample(100_000 + $0, seed: 100 + UInt64($0)) }
            for bytes in all { #expect(try await bench.push(bytes, to: 0) == 201) }
            for node in bench.running { node.watch.use(bench.hosts) }
            try await wait(90, for: "each blob at its only owner") {
                try all.allSatisfy { bytes in
                    let digest = digest(of: bytes)
                    return bench.holders(of: digest) == Set(try bench.owners(of: digest))
                }
            }
            let owners = Set(try all.map { try bench.owners(of: digest(of: $0))[0] })
            #expect(owners.contains(2))
        }
    }

    @Test func `A back end gets each blob from one owner, and an origin reads it back once for all`() async throws {
        let store = try TemporaryDirectory()
        try await Bench.with(3, store: FileBackend(path: store.path)) { bench in
            let bytes = sample(800_000, seed: 26)
            let digest = digest(of: bytes)
            #expect(try await bench.push(bytes, to: 0) == 201)
            try await wait(20, for: "empty queues") {
                for node in bench.running {
                    guard try await node.cold?.writeBack.figures().tasks == 0 else { return false }
                }
                return bench.holders(of: digest).count == 3
            }
            for node in bench.running {
                node.node.catalogue.remove(digest.sha256)
                try node.node.directory.remove(digest.sha256)
            }
            let answers = try await withThrowingTaskGroup(of: Bench.Answer.self) { group in
                for index in 0..<3 { group.addTask { try await bench.read(digest, from: index) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for answer in answers { #expect(answer.body == bytes) }
            try await wait(60, for: "copies by the swarm") { bench.holders(of: digest).count == 3 }
        }
    }
}
