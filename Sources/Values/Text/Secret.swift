/// A text that must not appear in a description, log line or error, such as a key of an object store or a token.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text itself, for signing a request or writing a task file.
    public let value: String

    public init(_ value: String) { self.value = value }

    public var description: String { "<secret>" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Compares the whole text in any case, so that the time taken does not reveal how much of a guess is right.
    public func matches(_ guess: String) -> Bool {
        let own = Array(value.utf8)
        let other = Array(guess.utf8)
        var difference: UInt8 = own.count == other.count ? 0 : 1
        for index in own.indices { difference |= own[index] ^ (index < other.count ? other[index] : 0) }
        return difference == 0
    }
}
