import BlobNode
import Foundation
import Synchronization
import TestFileLayers
import TestSupport
import Testing

@Suite struct `A fetch that nobody waits for any more` {
    @Test func `is not given on by its transfer if that was stopped while the blob was published`() async throws {
        let place = try TemporaryDirectory(inMemory: true)
        try await Host.with(place.path("giver")) { giver in
            let info = try giver.push(randomBytes(300_000))
            let address = try #require(await giver.node.peerAddress)
            let layer = FaultyFileLayer()
            try await Host.with(place.path("taker"), layer: layer) { taker in
                var settings = BlobFetches.Settings()
                settings.linger = .zero
                let fetches = BlobFetches(taker.node, settings: settings)
                let isPublishing = Mutex(false)
                let gate = DispatchSemaphore(value: 0)
                defer { gate.signal() }
                // The download is elsewhere: nothing else than its publication uses the directory of blobs.
                layer.interrupt(afterCalls: 0) {
                    isPublishing.withLock { $0 = true }
                    _ = gate.wait(timeout: .now() + 60)
                }
                let plan = BlobFetches.Plan(info: info, peers: [address], trackers: [])
                let fetched = Task { try await fetches.fetch(plan) }
                try await wait(for: "the publication") { isPublishing.withLock { $0 } }
                fetched.cancel()
                try await wait(for: "the stop of the transfer") { await !fetches.isServing(info.digest) }
                gate.signal()
                try await wait(for: "the end of the fetch") { await fetches.digestsUnderWay.isEmpty }
                // The host has the blob. It announces the blob itself, as no transfer does.
                #expect(taker.node.catalogue.entry(of: info.digest) != nil)
                #expect(await fetches.digestsGiven.isEmpty)
                await fetches.stop()
            }
        }
    }
}
