import Foundation
import TestSupport
import Testing

/// Keys of an origin's file, as they show from outside.
@Suite("An origin's file", .serialized)
struct OriginKeysTests {
    @Test func `says how long pieces are, where the database is, and how much of the line a back end gets`()
        async throws
    {
        let work = try TemporaryDirectory()
        let first = Int(try FreePort.findRow(of: 2))
        let (origin, index) = ("127.0.0.1:\(first)", "127.0.0.1:\(first + 1)")
        try work.write(
            "origin.yaml",
            """
            build_index: {hosts: {static: ['\(index)']}}
            tracker: {hosts: {static: ['127.0.0.1:1']}}
            metainfogen: {piece_lengths: {0: 16KB, 1MB: 64KB}}
            localdb: {source: \(work.path("elsewhere/queue.db"))}
            site: north
            backends:
              - namespace: .*
                backend: {directory: {path: \(work.path("store")), name_path: identity}}
                bandwidth: {enable: true, egress_bits_per_sec: 800KB, ingress_bits_per_sec: 800KB}

            """)
        let indexProgram = try Swoop.start(
            "index", "--data", work.path("index"), "--listen", index, "--origin", "http://\(origin)", "--json")
        _ = try await indexProgram.waitForEvent("listening")
        let program = try Swoop.start(
            "origin", "--config", work.path("origin.yaml"), "--data", work.path("data"), "--port", "\(first)",
            "--peers-port", "0", "--json")
        _ = try await program.waitForEvent("listening")
        let size = 300_000
        let file = try SampleFiles.file(work.path("from/app.bin"), size, seed: 51)
        let hex = OCIClient.hex(of: size, seed: 51)
        let (clock, pushed) = (ContinuousClock(), ContinuousClock.now)
        let push = try await Program(
            [Swoop.path, "push", file, "team/app:1", "--registry", "http://\(origin)"],
            environment: ["XDG_CACHE_HOME": work.path("cache")]
        ).ending(within: 60)
        #expect(push.status == 0, "\(push)")
        let torrent = work.path("torrent")
        let got = try await Command.ending([
            "curl", "-sf", "-o", torrent, "http://\(origin)/namespace/team%2Fapp/blobs/sha256:\(hex)/metainfo",
        ])
        #expect(got.status == 0, "\(got)")
        let bytes = FileManager.default.contents(atPath: torrent) ?? Data()
        #expect(bytes.firstRange(of: Data("12:piece lengthi16384e".utf8)) != nil)
        #expect(FileManager.default.fileExists(atPath: work.path("elsewhere/queue.db")))
        #expect(!FileManager.default.fileExists(atPath: work.path("data/origin.db")))
        // 800 KiB of bits are 100 KiB of bytes a second.
        try await wait(30, for: "the blob to be in its back end") {
            FileManager.default.contentsEqual(atPath: work.path("store/\(hex)"), andPath: file)
        }
        let taken = (clock.now - pushed) / .seconds(1)
        #expect(taken > Double(size) / 102_400 * 0.9, "\(taken) s")
        for program in [program, indexProgram] { try await program.stop() }
    }

    @Test func `is refused where larger blobs would have shorter pieces`() async throws {
        let work = try TemporaryDirectory()
        try work.write("origin.yaml", "metainfogen: {piece_lengths: {0: 1MB, 1GB: 256KB}}\n")
        let ending = try await Swoop.run(
            "origin", "--config", work.path("origin.yaml"), "--data", work.path("data"), "--port", "0", "--json")
        #expect(ending.status == 2 && ending.errors.contains("metainfogen.piece_lengths"), "\(ending)")
    }

    @Test func `is refused with a secret of the swarms that is none`() async throws {
        let work = try TemporaryDirectory()
        try work.write("secrets.yaml", "swarm_secret: ''\nopen: ['(']\n", mode: 0o600)
        let ending = try await Swoop.run(
            "origin", "--secrets", work.path("secrets.yaml"), "--data", work.path("data"), "--port", "0", "--json")
        #expect(ending.status == 2, "\(ending)")
    }
}
