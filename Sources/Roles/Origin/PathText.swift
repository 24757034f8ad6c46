import Text

extension StringProtocol {
    /// Nil for a broken escape, or what is no UTF-8.
    var percentDecoded: String? { PercentEncoding.decode(self) }
}
