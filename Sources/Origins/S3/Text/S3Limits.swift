/// Bounds on what a store may answer. Sizes in bytes.
public struct S3Limits: Sendable {
    /// Longest XML answer that is parsed. A page of 1,000 keys of 1,024 bytes, percent-encoded, is 4 MB at most.
    public var answerBytes = 8 << 20
    /// Most elements of one answer.
    public var elements = 100_000
    /// Deepest nesting of elements.
    public var depth = 16
    /// Longest key, upload id, token or entity tag.
    public var textBytes = 4_096

    public init() {}
}
