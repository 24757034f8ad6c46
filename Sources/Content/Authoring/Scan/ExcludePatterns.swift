/// The regular expressions of a scan's exclusions. Not sendable: one scan creates and uses it.
struct ExcludePatterns {
    private let expressions: [Regex<AnyRegexOutput>]

    init(_ patterns: [String]) throws(AuthoringError) {
        var expressions: [Regex<AnyRegexOutput>] = []
        for pattern in patterns {
            guard let expression = try? Regex(pattern) else { throw .badPattern(pattern) }
            // By Unicode scalars: a name in NFD is matched as it is, and matching is faster.
            expressions.append(expression.matchingSemantics(.unicodeScalar))
        }
        self.expressions = expressions
    }

    /// Whether one of the expressions matches somewhere in `path`.
    func match(_ path: [UInt8]) -> Bool {
        guard !expressions.isEmpty else { return false }
        let text = String(decoding: path, as: UTF8.self)
        return expressions.contains { text.contains($0) }
    }
}
