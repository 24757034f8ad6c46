import Foundation
import Registry
import TestSupport
import Testing

@Suite(.serialized) struct `A registry on one machine` {
    /// Begins a read and takes only the head of the answer.
    private static func begin(_ path: String, _ port: UInt16) throws -> (socket: CInt, head: String) {
        let socket = try Loopback.connect(to: port)
        let sent = Loopback.send(socket, Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\r\n".utf8))
        try #require(sent)
        let head = Loopback.receive(socket).map { String(decoding: $0.prefix(600), as: UTF8.self) } ?? ""
        return (socket, head)
    }

    @Test func `answers eight reads of large blobs over HTTP at a time, and tells others to come again`() async throws {
        try await TestRegistry.run { registry in
            // More than fits between server and client, so that a read lasts.
            let large = try await registry.push([UInt8](repeating: 7, count: 48 << 20), to: "team/app")
            let small = try await registry.push([UInt8](repeating: 7, count: 1_000), to: "team/app")
            let port = UInt16(registry.server.addresses[0].port)
            let paths = ["/v2/team/app/blobs/\(large)", "/namespace/team%2Fapp/blobs/\(large)"]
            var sockets: [CInt] = []
            defer { for socket in sockets { close(socket) } }
            for number in 0..<8 {
                let (socket, head) = try Self.begin(paths[number % 2], port)
                sockets.append(socket)
                #expect(head.hasPrefix("HTTP/1.1 200"), "\(head)")
            }
            for path in paths {
                let (socket, head) = try Self.begin(path, port)
                sockets.append(socket)
                #expect(head.hasPrefix("HTTP/1.1 429"), "\(head)")
                #expect(head.lowercased().contains("\r\nretry-after:"), "\(head)")
            }
            let (other, head) = try Self.begin("/v2/team/app/blobs/\(small)", port)
            sockets.append(other)
            #expect(head.hasPrefix("HTTP/1.1 200"), "\(head)")
            close(sockets.removeFirst())
            try await wait(for: "a place") {
                let (socket, head) = try Self.begin(paths[0], port)
                sockets.append(socket)
                return head.hasPrefix("HTTP/1.1 200")
            }
        }
    }
}
