import Agent
import Foundation
import Hashing
import JSON
import Metainfo
import Registry
import TestSupport
import Testing

@Suite struct `What an agent keeps of the registry's replies` {
    private static let name = ContentName("team/app")!

    /// A reply about a manifest with one file, whose bytes are in it.
    private static func reply(_ file: [UInt8]) throws -> (content: ResolvedContent, bytes: [UInt8], blob: BlobDigest) {
        let digests = [FilesManifest.emptyConfig, file].map { BlobDigest(SHA256.digest($0)) }
        let manifest = FilesManifest.make([
            .init(path: try SafePath("a"), digest: digests[1], size: Int64(file.count), isExecutable: false)
        ])
        let digest = BlobDigest(SHA256.digest(manifest))
        let value: JSONValue = [
            "digest": .string("\(digest)"),
            "manifests": [
                ["digest": .string("\(digest)"), "text": .string(String(decoding: manifest, as: UTF8.self))]
            ],
            "blobs": .array(
                zip(digests, [FilesManifest.emptyConfig.count, file.count]).map { digest, size in
                    ["digest": .string("\(digest)"), "size": .integer(Int64(size))]
                }),
        ]
        let reference = Reference(name: name, version: .digest(digest))
        return (try ResolvedContent(value, for: reference), value.encode(), digests[1])
    }

    private static func files(_ place: TemporaryDirectory) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: place.path("known")).filter { $0 != "tags" }
    }

    @Test func `a reply whose file was spoilt is kept again when it comes again`() throws {
        let place = try TemporaryDirectory(inMemory: true)
        let reply = try Self.reply([1, 2, 3])
        let fixed = Reference(name: Self.name, version: .digest(reply.content.digest))
        KnownReplies(cache: place.path, logger: quiet).keep(reply.content, for: fixed, bytes: reply.bytes)
        let file = "known/" + (try #require(try Self.files(place).first))
        try place.write(file, [UInt8](reply.bytes.prefix(20)))
        let next = KnownReplies(cache: place.path, logger: quiet)
        #expect(next.content(fixed) == nil)
        next.keep(reply.content, for: fixed, bytes: reply.bytes)
        #expect(KnownReplies(cache: place.path, logger: quiet).content(fixed)?.digest == reply.content.digest)
    }

    @Test func `files beyond the limits go while the agent runs, and memory is bounded by bytes`() throws {
        let place = try TemporaryDirectory(inMemory: true)
        let replies = try (0..<20).map { try Self.reply([UInt8($0), 9]) }
        var limits = KnownReplies.Limits()
        limits.bytesInMemory = replies[0].bytes.count * 5 / 2
        limits.bytes = Int64(replies[0].bytes.count * 8)
        let known = KnownReplies(cache: place.path, limits: limits, logger: quiet)
        let references = replies.map { Reference(name: Self.name, version: .digest($0.content.digest)) }
        for (reference, reply) in zip(references, replies) {
            known.keep(reply.content, for: reference, bytes: reply.bytes)
            #expect(known.remembered(reference) != nil)
        }
        #expect(references.count { known.remembered($0) != nil } == 2)
        #expect(try Self.files(place).count <= 9)
        // One that is larger than all of the memory is remembered alone.
        known.keep(replies[0].content, for: references[0], bytes: [UInt8](repeating: 0x20, count: 100_000))
        #expect(references.count { known.remembered($0) != nil } == 1 && known.remembered(references[0]) != nil)
    }

    @Test func `a name has the blobs of its own tags and no others`() throws {
        let place = try TemporaryDirectory(inMemory: true)
        let reply = try Self.reply([1, 2, 3])
        let tag = try #require(Reference("team/app:1"))
        KnownReplies(cache: place.path, logger: quiet).keep(reply.content, for: tag, bytes: reply.bytes)
        // Also after a restart.
        let known = KnownReplies(cache: place.path, logger: quiet)
        let other = try #require(ContentName("team/other"))
        #expect(known.part(reply.blob, of: Self.name)?.blobs.keys.map { $0 } == [reply.blob])
        #expect(known.part(reply.blob, of: other) == nil)
        #expect(known.part(BlobDigest(SHA256.digest([9])), of: Self.name) == nil)
    }
}
