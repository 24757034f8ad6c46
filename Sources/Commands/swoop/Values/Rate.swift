/// Bytes per second: `10MB/s`, `10MB`, `750KiB/s`.
struct Rate: Hashable, Sendable {
    /// 1 or more: with a limit of zero a transfer would never finish.
    let bytesPerSecond: Int

    static func parse(_ text: String) throws -> Rate {
        let size = try ByteSize.parse(text.hasSuffix("/s") ? String(text.dropLast(2)) : text)
        guard size.bytes > 0 else {
            throw ArgumentProblem("a rate of 0 would never finish; leave the option out for no limit")
        }
        return Rate(bytesPerSecond: size.bytes)
    }
}
