import Foundation
import Registry
import TestSupport
import Testing

@Suite(.serialized) struct `An upload that says its digest as it begins` {
    @Test func `goes to its owners as it comes, where there are more origins than owners`() async throws {
        var settings = quick
        settings.replicas = 2
        try await Bench.with(5, settings) { bench in
            let bytes = sample(8_000_000, seed: 61)
            let digest = digest(of: bytes)
            let owners = try bench.owners(of: digest)
            let other = try #require((0..<5).first { !owners.contains($0) })
            // As clients do that know it: they ask for what is there under another name.
            let begun = try await bench.call(
                .POST, other, "/v2/team/app/blobs/uploads/?mount=\(digest)", ["Content-Length": "0"], body: [])
            #expect(begun.status == 202)
            var location = try #require(begun.headers.first(name: "location"))
            let half = bytes.count / 2
            let first = try await bench.call(
                .PATCH, other, location, ["Content-Range": "0-\(half - 1)"], body: Array(bytes[..<half]))
            #expect(first.status == 202)
            location = try #require(first.headers.first(name: "location"))
            for owner in owners {
                let uploads = bench.work.path("origin\(owner)/uploads")
                try await wait(10, for: "the first half at origin \(owner)") {
                    let names = try FileManager.default.contentsOfDirectory(atPath: uploads)
                    return names.contains {
                        let path = "\(uploads)/\($0)/data"
                        return (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) == half
                    }
                }
            }
            let last = try await bench.call(
                .PATCH, other, location, ["Content-Range": "\(half)-\(bytes.count - 1)"], body: Array(bytes[half...]))
            location = try #require(last.headers.first(name: "location"))
            let ended = try await bench.call(
                .PUT, other, location + "?digest=\(digest)", ["Content-Length": "0"], body: [])
            #expect(ended.status == 201)
            #expect(bench.holders(of: digest).isSuperset(of: owners))
            for owner in owners { #expect(try await bench.read(digest, from: owner).body == bytes) }
        }
    }

    @Test func `is kept under the digest that it has, whatever was said`() async throws {
        try await Bench.with(4) { bench in
            let bytes = sample(300_000, seed: 62)
            let (digest, wrong) = (digest(of: bytes), digest(of: [5]))
            let begun = try await bench.call(
                .POST, 0, "/v2/team/app/blobs/uploads/?mount=\(wrong)", ["Content-Length": "0"], body: [])
            var location = try #require(begun.headers.first(name: "location"))
            let sent = try await bench.call(.PATCH, 0, location, [:], body: bytes)
            #expect(sent.status == 202)
            location = try #require(sent.headers.first(name: "location"))
            let ended = try await bench.call(
                .PUT, 0, location + "?digest=\(digest)", ["Content-Length": "0"], body: [])
            #expect(ended.status == 201)
            #expect(bench.holders(of: digest).intersection(try bench.owners(of: digest)).count >= 2)
            #expect(bench.holders(of: wrong).isEmpty)
        }
    }
}
