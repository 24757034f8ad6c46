import Address
import Foundation
import Testing
import TrackerServer
import Tracking

/// A tracker of a fleet: swarms for those who show a ticket.
@Suite struct TicketTests {
    private static let node = "n-abcdefghijklmn27"
    private static let code = String(repeating: "0a", count: 32)

    private static func admits(_ swarm: SwarmKey, _ ticket: SwarmTicket?) -> Bool {
        ticket.map { $0.holder == Array(node.utf8) && $0.code.description == "sha256:" + code } ?? false
    }

    private func answer(_ server: PeerAddress, _ more: String) throws -> String {
        body(try get(server, target(port: 4000, more)))
    }

    @Test func `An announce over HTTP is answered with the ticket that is in force, and with no other`() async throws {
        try await withTracker({ $0.admits = Self.admits }) {
            (_: TrackerServer, server: PeerAddress) async throws -> Void in
            #expect(try answer(server, "&ticket=\(Self.node).\(Self.code)").contains("8:interval"))
            for wrong in [
                "", "&ticket=", "&ticket=\(Self.node)", "&ticket=\(Self.node).\(Self.code.dropLast())",
                "&ticket=\(Self.node.uppercased()).\(Self.code)", "&ticket=n-abcdefghijklmn26.\(Self.code)",
                "&ticket=\(Self.node).\(String(Self.code.reversed()))", "&ticket=\(Self.node).\(Self.code)0",
                "&ticket=\(String(repeating: "%00", count: 83))", "&ticket=%zz",
            ] {
                #expect(try answer(server, wrong).contains("the ticket is missing, or not in force"))
            }
        }
    }

    @Test func `Over UDP the ticket comes in the URL's query`() async throws {
        try await withTracker({ $0.admits = Self.admits }) {
            (tracker: TrackerServer, _: PeerAddress) async throws -> Void in
            let client = try Client(.udp, tracker.boundAddresses.udp[0])
            client.send([0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 1, 2, 3, 4])
            let id = Array(try #require(client.receive()).suffix(8))
            let announce =
                id + [0, 0, 0, 1, 9, 9, 9, 9] + Array(1...20) + Array("-SW0001-abcdefghijkl".utf8)
                + [UInt8](repeating: 0, count: 15) + [1] + [UInt8](repeating: 0, count: 8) + [0, 0, 0, 2]
                + [UInt8](repeating: 0, count: 8) + [255, 255, 255, 255, 0x41, 0x41]
            client.send(announce)
            let refused = try #require(client.receive())
            #expect(Array(refused.prefix(4)) == [0, 0, 0, 3])
            let url = Array("/announce?ticket=\(Self.node).\(Self.code)".utf8)
            client.send(announce + [2, UInt8(url.count)] + url)
            let answered = try #require(client.receive())
            #expect(Array(answered.prefix(4)) == [0, 0, 0, 1])
        }
    }
}
