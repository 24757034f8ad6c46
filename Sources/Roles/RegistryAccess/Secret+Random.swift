import Hashing
import Text

extension Secret {
    /// 256 random bits from the system's generator, as 64 hexadecimal digits.
    static func random() -> Secret {
        var generator = SystemRandomNumberGenerator()
        return Secret(Hexadecimal.encode((0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }))
    }

    /// The SHA-256 of the secret's text in hexadecimal, as a token file holds it.
    var digest: String { SHA256.digest(Array(value.utf8)).hex }
}
