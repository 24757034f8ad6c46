/// Bounds on what a store may answer. Sizes in bytes.
package struct S3Limits: Sendable {
    /// Longest XML answer that is parsed. A page of 1,000 keys of 1,024 bytes, percent-encoded, is 4 MB at most.
    package var answerBytes = 8 << 20
    /// Most elements of one answer.
    package var elements = 100_000
    /// Deepest nesting of elements.
    package var depth = 16
    /// Longest key, upload id, token or entity tag.
    package var textBytes = 4_096

    package init() {}
}
