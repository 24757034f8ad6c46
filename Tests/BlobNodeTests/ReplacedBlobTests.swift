import BlobNode
import Hashing
import TestSupport
import Testing

@Suite struct `A blob that is replaced while a peer takes it` {
    @Test func `is given on from its new file, from the shelf and from where it came to`() async throws {
        let place = try TemporaryDirectory(inMemory: true)
        let bytes = randomBytes(3_000_000)
        try await Host.with(place.path("giver"), upload: 1_500_000) { giver in
            let info = try giver.push(bytes)
            let address = try #require(await giver.node.peerAddress)
            try await Host.with(place.path("first"), upload: 1_500_000) { first in
                let fetches = BlobFetches(first.node)
                let plan = BlobFetches.Plan(info: info, peers: [address], trackers: [])
                async let fetched: Void = fetches.fetch(plan)
                try await wait(for: "a first piece") { await fetches.progress(of: info.digest)?.done ?? 0 > 0 }
                try giver.push(bytes)
                try await fetched
                let isWhole = try first.content(info.digest) == bytes
                #expect(isWhole)
                // What has come is given on by the transfer that brought it.
                let own = try #require(await first.node.peerAddress)
                try await Host.with(place.path("second")) { second in
                    let others = BlobFetches(second.node)
                    async let copied: Void = others.fetch(BlobFetches.Plan(info: info, peers: [own], trackers: []))
                    try await wait(for: "a first piece") { await others.progress(of: info.digest)?.done ?? 0 > 0 }
                    try first.push(bytes)
                    try await copied
                    let isWhole = try second.content(info.digest) == bytes
                    #expect(isWhole)
                    await others.stop()
                }
                await fetches.stop()
            }
        }
    }
}
