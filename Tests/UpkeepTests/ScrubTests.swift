import BlobNode
import Foundation
import Hashing
import Registry
import Synchronization
import TestSupport
import Testing
import Text
import Upkeep

@Suite struct `Scrubbing` {
    /// Four pieces.
    private let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }

    private func with(
        _ origin: Origin, isMending: Bool = true, _ body: (Scrubber) async throws -> Void
    ) async throws {
        var settings = ScrubSettings()
        (settings.rate, settings.firstPause, settings.longestPause) = (1e12, 0.02, 0.1)
        let scrubber = Scrubber(
            node: origin.node, cold: isMending ? origin.cold : nil, holders: origin.holders,
            sources: isMending ? [ColdPieces(origin.cold)] : [], settings: settings, logger: quietLogger())
        await scrubber.start()
        do { try await body(scrubber) } catch {
            await scrubber.stop()
            throw error
        }
        await scrubber.stop()
    }

    @Test func `finds wrong pieces, and mends them from the back end`() async throws {
        try await Origin.with { origin in
            let blob = try origin.push(bytes, usedAt: 1)
            let other = try origin.push([1, 2, 3], usedAt: 1)
            try origin.spoil(blob, at: 300_000)
            try origin.spoil(blob, at: 999_990)
            try await with(origin) { scrubber async throws in
                // Nobody looked at them for long.
                try await wait(for: "the look at it") {
                    origin.node.catalogue.entry(of: blob.sha256)?.checkedAt ?? 0 > 1_000
                }
                await scrubber.wait()
                #expect(try origin.content(blob) == bytes)
                let figures = await scrubber.status()
                #expect(figures.bad == 2 && figures.mended == 2 && figures.left == 0)
                #expect(origin.has(blob) && origin.has(other))
                #expect(try #require(figures.oldest) > 1_000)
            }
        }
    }

    @Test func `what is wrong is not given, until there is somewhere to mend it from`() async throws {
        try await Origin.with { origin in
            let blob = try origin.push(bytes, usedAt: 4e9)
            try origin.spoil(blob, at: 600_000)
            origin.store.state.withLock { $0.isDown = true }
            try await with(origin) { scrubber async throws in
                // Somebody who is wrong about the piece causes nothing.
                #expect(await scrubber.doubt(blob.sha256, piece: 0))
                #expect(await !scrubber.doubt(SHA256.digest([9])))
                #expect(origin.node.catalogue.badBlobs.isEmpty)
                #expect(await scrubber.doubt(blob.sha256, piece: 2))
                try await wait(for: "the wrong piece") { origin.node.catalogue.badPieces(of: blob.sha256) == [2] }
                #expect(!origin.has(blob) && origin.node.catalogue.entryOfAny(blob.sha256) != nil)
                // It sends something wrong, too: that is not taken.
                var wrong = bytes
                wrong[600_000] ^= 1
                let before = origin.store.state.withLock { state in
                    (state.isDown, state.files[blob.hex]) = (false, wrong)
                    return state.reads
                }
                try await wait(for: "a look at what is wrong") { origin.store.state.withLock(\.reads) > before }
                #expect(!origin.has(blob))
                origin.store.state.withLock { $0.files[blob.hex] = bytes }
                try await wait(for: "the mended blob") { origin.has(blob) }
                #expect(try origin.content(blob) == bytes)
            }
        }
    }

    @Test func `a piece that somebody got wrong is given no more at once, whatever is being looked at`() async throws {
        try await Origin.with { origin in
            let long = try origin.push([UInt8](repeating: 7, count: 4_000_000), usedAt: 1)
            let blob = try origin.push(bytes, usedAt: 4e9)
            try origin.spoil(blob, at: 600_000)
            var settings = ScrubSettings()
            // The long one alone takes for ever.
            settings.rate = 1_000
            let scrubber = Scrubber(
                node: origin.node, cold: origin.cold, holders: origin.holders, sources: [ColdPieces(origin.cold)],
                settings: settings, logger: quietLogger())
            // Looked at a moment ago.
            origin.node.catalogue.setChecked(blob.sha256, at: 4e9)
            await scrubber.start()
            #expect(await scrubber.doubt(blob.sha256, piece: 2))
            #expect(origin.node.catalogue.badPieces(of: blob.sha256) == [2] || origin.has(blob))
            try await wait(for: "the mended blob") { origin.has(blob) }
            #expect(try origin.content(blob) == bytes)
            #expect(origin.node.catalogue.entry(of: long.sha256)?.checkedAt ?? 0 < 1_000)
            await scrubber.stop()
        }
    }

    @Test func `a file that was cut off or has more is put right`() async throws {
        try await Origin.with { origin in
            let (short, long) = (
                try origin.push(bytes, usedAt: 1), try origin.push(Array(bytes.dropFirst()), usedAt: 1)
            )
            try origin.node.directory.truncate(short.sha256, to: 400_000)
            try origin.spoil(long, at: 999_999)
            try await with(origin) { scrubber async throws in
                await scrubber.scrubAll()
                await scrubber.wait()
                // The second was right, or was looked at twice: it was mended, and each was looked at once beside that.
                #expect(await scrubber.status().blobs <= 4)
                #expect(try origin.content(short) == bytes)
                #expect(try origin.content(long) == Array(bytes.dropFirst()))
            }
        }
    }

    @Test func `a torrent that is wrong is made anew, one that is lost with the blob is read with it`() async throws {
        try await Origin.with { origin in
            let (first, second) = (
                try origin.push(bytes, usedAt: 1), try origin.push(Array(bytes.dropLast()), usedAt: 1)
            )
            let info = try #require(try origin.node.directory.info(of: first.sha256))
            var spoiled = info
            spoiled[info.count - 40] ^= 1
            try origin.node.directory.store(info: spoiled, of: first.sha256)
            try origin.node.directory.store(info: [1], of: second.sha256)
            try origin.spoil(second, at: 5)
            try await with(origin) { scrubber async throws in
                await scrubber.scrubAll()
                await scrubber.wait()
                #expect(try origin.node.directory.info(of: first.sha256) == info)
                #expect(try origin.content(second) == Array(bytes.dropLast()))
                #expect(try origin.node.info(of: second.sha256)?.digest == second.sha256)
                #expect(origin.has(first) && origin.has(second))
            }
        }
    }

    @Test func `tells of a blob that is gone from the disk`() async throws {
        try await Origin.with { origin in
            let told = Mutex<[SHA256Digest]>([])
            try await with(origin) { scrubber async throws in
                scrubber.onLoss { digest in told.withLock { $0.append(digest) } }
                let gone = try origin.push(bytes, usedAt: 1)
                try FileManager.default.removeItem(atPath: origin.node.directory.path(of: gone.sha256))
                await scrubber.scrubAll()
                await scrubber.wait()
                let lost = told.withLock { $0 }
                #expect(lost == [gone.sha256])
                #expect(origin.node.catalogue.entryOfAny(gone.sha256) == nil)
            }
        }
    }

    @Test func `no more is read in a second than is said`() async throws {
        try await Origin.with { origin in
            try origin.push(bytes, usedAt: 1)
            var settings = ScrubSettings()
            settings.rate = 4e6
            let scrubber = Scrubber(
                node: origin.node, cold: nil, holders: origin.holders, sources: [], settings: settings,
                logger: quietLogger())
            let begun = ContinuousClock.now
            await scrubber.start()
            await scrubber.scrubAll()
            await scrubber.wait()
            await scrubber.stop()
            #expect(ContinuousClock.now - begun > .milliseconds(150))
        }
    }
}
