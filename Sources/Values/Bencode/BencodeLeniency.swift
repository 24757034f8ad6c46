/// Deviations from bencode that a reader forgives, for input whose bytes nothing hashes.
///
/// `BencodeLimits` bound a lenient reading exactly as they bound a strict one.
public struct BencodeLeniency: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Line ends, spaces, tabs and NUL bytes before and behind the value.
    public static let blanksAround = BencodeLeniency(rawValue: 1)
    /// Any bytes behind the value, which are ignored.
    public static let anythingBehind = BencodeLeniency(rawValue: 2)
    /// A key twice in a dictionary: the first counts.
    public static let repeatedKeys = BencodeLeniency(rawValue: 4)
    /// Integers and lengths with leading zeros, `-0`, no digits (which is 0), a fraction (which is cut off), and integers
    /// outside Int64, which are clamped.
    public static let looseIntegers = BencodeLeniency(rawValue: 8)
    /// Input that ends or goes wrong within a list or a dictionary: what is open ends there, and what stood before is
    /// kept, the beginning of a string included.
    public static let cutOff = BencodeLeniency(rawValue: 16)

    /// All that there is.
    public static let everything: BencodeLeniency = [
        .blanksAround, .anythingBehind, .repeatedKeys, .looseIntegers, .cutOff,
    ]
}
