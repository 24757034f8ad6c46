import Identity
import JSON
import Testing
import Text

@Suite struct JWSTests {
    @Test func `A statement says who signed it, and holds for that key only`() throws {
        let key = HostKey()
        let text = try JWS.sign(["job": "j-1", "bytes": 5], with: key, keyID: "n-abcdefghijklmnop")
        let statement = try JWS.Statement(text)
        #expect(statement.keyID == "n-abcdefghijklmnop")
        #expect(statement.payload == ["job": "j-1", "bytes": 5])
        #expect(statement.isSigned(by: try #require(PublicKey(der: key.publicKey))))
        #expect(!statement.isSigned(by: try #require(PublicKey(der: HostKey().publicKey))))
    }

    @Test func `Another payload under the same signature does not hold`() throws {
        let key = HostKey()
        let text = try JWS.sign(["bytes": 5], with: key, keyID: "n")
        let parts = text.split(separator: ".")
        let other = Base64URL.encode(Array(#"{"bytes":6}"#.utf8))
        let statement = try JWS.Statement("\(parts[0]).\(other).\(parts[2])")
        #expect(!statement.isSigned(by: try #require(PublicKey(der: key.publicKey))))
    }

    @Test(arguments: [
        "", "..", "a.b.c", "e30.e30.e30", "eyJhbGciOiJub25lIn0.e30.",
        // HS256, and a critical extension.
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "eyJhbGciOiJFUzI1NiIsImNyaXQiOlsieCJdfQ.e30.AAAA",
        // No object.
        "eyJhbGciOiJFUzI1NiJ9.W10.AAAA", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA.AAAA",
    ]) func `What is no statement of ES256 is refused`(_ text: String) {
        #expect(throws: IdentityProblem.self) { try JWS.Statement(text) }
    }
}
