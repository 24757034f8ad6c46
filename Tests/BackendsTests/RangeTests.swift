import Backends
import Synchronization
import TestSupport
import Testing
import Text

@Suite struct `A range of a file from a web server` {
    /// Asks for ten bytes of a hundred.
    private func read(_ chunks: [Int]) async throws -> Int {
        let body = chunks.map { "\(String($0, radix: 16))\r\n\(String(repeating: "x", count: $0))\r\n" }.joined()
        let head = "HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/100\r\nTransfer-Encoding: chunked\r\n\r\n"
        return try await RawServer.with({ _, _ in [.send(head + body + "0\r\n\r\n")] }) { server in
            let store = TestFSStore(try #require(HTTPURL(server.url(""))))
            let path = try #require(BackendPath("a"))
            let count = Mutex(0)
            let outcome: Result<Void, BackendProblem>
            do throws(BackendProblem) {
                try await store.read(path, size: 100, range: 0..<10) { bytes, _ in
                    count.withLock { $0 += bytes.readableBytes }
                }
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            await store.shutdown()
            try outcome.get()
            return count.withLock { $0 }
        }
    }

    @Test func `comes in any number of parts`() async throws { #expect(try await read([4, 5, 1]) == 10) }

    @Test(arguments: [[11], [4, 7], [10, 1], [10, 90], [4, 5, 1, 1]])
    func `that brings more than was asked for is refused`(chunks: [Int]) async throws {
        let problem = await #expect(throws: BackendProblem.self) { try await read(chunks) }
        #expect(problem?.kind == .wrong)
    }
}
