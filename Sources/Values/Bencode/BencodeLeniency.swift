/// Deviations from bencode that a decoder may accept. Only for input that is never hashed.
///
/// `BencodeLimits` apply to a lenient reading exactly as to a strict one.
public struct BencodeLeniency: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Line ends, spaces, tabs and NUL bytes before and after the value.
    public static let blanksAround = BencodeLeniency(rawValue: 1)
    /// Any bytes after the value; they are ignored.
    public static let anythingBehind = BencodeLeniency(rawValue: 2)
    /// A key that occurs twice in a dictionary: the first one counts.
    public static let repeatedKeys = BencodeLeniency(rawValue: 4)
    /// Integers and lengths with leading zeros, `-0`, no digits (read as 0) or a fraction (dropped), and integers
    /// outside Int64, which are clamped.
    public static let looseIntegers = BencodeLeniency(rawValue: 8)
    /// Input that ends or becomes invalid inside a list or dictionary. Open values are closed at that byte, and
    /// everything before it is kept, including the beginning of a string.
    public static let cutOff = BencodeLeniency(rawValue: 16)

    /// All deviations.
    public static let everything: BencodeLeniency = [
        .blanksAround, .anythingBehind, .repeatedKeys, .looseIntegers, .cutOff,
    ]
}
