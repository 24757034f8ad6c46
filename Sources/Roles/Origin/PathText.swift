import Text

extension StringProtocol {
    /// Nil for a broken escape, and for bytes that are not UTF-8.
    var percentDecoded: String? { PercentEncoding.decode(self) }
}
