/// Limits on responses of a store. Sizes in bytes.
package struct S3Limits: Sendable {
    /// Longest XML response that is parsed. A page of 1,000 keys of 1,024 bytes, percent-encoded, takes at most 4 MB.
    package var answerBytes = 8 << 20
    /// Maximum number of elements in a response.
    package var elements = 100_000
    /// Maximum nesting of elements.
    package var depth = 16
    /// Longest key, upload id, token or entity tag.
    package var textBytes = 4_096

    package init() {}
}
