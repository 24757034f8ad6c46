import Hashing
import Text

extension Secret {
    /// 256 bits of the system's random numbers, as hexadecimal digits.
    static func random() -> Secret {
        var generator = SystemRandomNumberGenerator()
        return Secret(Hexadecimal.encode((0..<32).map { _ in UInt8.random(in: 0 ... .max, using: &generator) }))
    }

    /// SHA-256 of its text, as a list of tokens has it.
    var digest: String { SHA256.digest(Array(value.utf8)).hex }
}
