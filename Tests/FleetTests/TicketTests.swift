import Fleet
import Hashing
import Testing
import Text

@Suite struct TicketTests {
    private let key = [UInt8](repeating: 7, count: 32)

    private func parts(_ ticket: Secret) throws -> (holder: [UInt8], code: [UInt8]) {
        let words = ticket.value.split(separator: ".")
        try #require(words.count == 2)
        return (Array(words[0].utf8), try #require(Hexadecimal.decode(String(words[1]), byteCount: 32)))
    }

    @Test func `A ticket is its node's, and ends with the job's key`() throws {
        let (one, other) = (NodeID(publicKey: [1]), NodeID(publicKey: [2]))
        let (holder, code) = try parts(JobTicket.make(for: one, key: key))
        #expect(holder == Array(one.description.utf8))
        #expect(JobTicket.isInForce(holder, code, HMACSHA256(key: key)))
        #expect(!JobTicket.isInForce(Array(other.description.utf8), code, HMACSHA256(key: key)))
        #expect(!JobTicket.isInForce(holder, code, HMACSHA256(key: [UInt8](repeating: 8, count: 32))))
        #expect(!JobTicket.isInForce(holder, Array(code.dropLast()), HMACSHA256(key: key)))
        #expect(!JobTicket.isInForce(holder, [], HMACSHA256(key: key)))
    }

    @Test func `It is part of the tracker's URL`() {
        #expect(JobTicket.url("http://t/announce", Secret("n-a.b")) == "http://t/announce?ticket=n-a.b")
        #expect(JobTicket.url("udp://t:1/announce?k=v", Secret("n-a.b")) == "udp://t:1/announce?k=v&ticket=n-a.b")
        #expect(JobTicket.url("http://t/announce", nil) == "http://t/announce")
    }
}
