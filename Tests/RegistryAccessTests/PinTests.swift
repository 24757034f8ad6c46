import HTTPTransport
import Testing

struct PinTests {
    @Test func `a pin is 64 digits, with colons or without`() throws {
        let digits = String(repeating: "0a", count: 32)
        let pin = try #require(CertificatePin(digits))
        #expect(pin.description == digits)
        #expect(CertificatePin(Array(repeating: "0A", count: 32).joined(separator: ":")) == pin)
        #expect(CertificatePin("sha256:" + digits) == pin)
        for text in ["", "0a", digits + "0", String(digits.dropLast()) + "g"] { #expect(CertificatePin(text) == nil) }
    }
}
