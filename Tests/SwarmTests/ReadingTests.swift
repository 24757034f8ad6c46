import Foundation
import TestSupport
import Testing

@testable import Swarm

@Suite struct `Content read while it arrives` {
    @Test func `comes from its end first where somebody reads there, and every byte is right`() async throws {
        let sample = try Sample.single(6 << 20)
        let bytes = try #require(sample.files[""])
        try await Staging.with(sample) { staging, nodes in
            let server = try RangeServer(staging.served)
            server.behave(.crawls(2 << 20))
            let watched = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())])
            let (transfer, reader) = (watched.transfer, Transfer.ReaderID())
            var position: Int64 = 5 << 20
            while position < 6 << 20 {
                let end = try #require(await transfer.available(position..<(6 << 20), for: reader))
                #expect(end > position)
                let file = try #require(FileHandle(forReadingAtPath: staging.content))
                try file.seek(toOffset: UInt64(position))
                let read = try file.read(upToCount: Int(end - position)) ?? Data()
                #expect(read.elementsEqual(bytes[Int(position)..<Int(end)]))
                position = end
            }
            // Had it come in the usual order, nearly all would be here by now.
            #expect(await transfer.status().done < 4 << 20)
            await transfer.endReading(reader)
            server.behave(.serves)
            try await watched.complete()
            #expect(await transfer.available(0..<1, for: reader) == 1)
        }
    }

    @Test func `is told to have ended when the transfer stops or the reader goes`() async throws {
        try await Staging.with(try .single(1 << 20)) { staging, nodes in
            let server = try RangeServer(staging.served)
            server.behave(.stalls)
            let watched = try await staging.get(nodes[0], [try staging.plan("cdn", server, staging.files())])
            let transfer = watched.transfer
            let gone = Task { await transfer.available(0..<10, for: Transfer.ReaderID()) }
            gone.cancel()
            #expect(await gone.value == nil)
            let waiting = Task { await transfer.available(0..<10, for: Transfer.ReaderID()) }
            try await wait(for: "a reader") { await transfer.isRead }
            await transfer.stop()
            #expect(await waiting.value == nil)
            #expect(await transfer.available(0..<10, for: Transfer.ReaderID()) == nil)
        }
    }
}
