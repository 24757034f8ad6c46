import HTTPOrigin

/// Divides a stream of chunks into the requested spans. Keeps the memory of the chunks; copies nothing.
struct SpanGathering: Sendable {
    struct Whole: Sendable {
        /// Index among the requested spans.
        let index: Int
        let parts: [WebSeedChunk]
        /// Bytes.
        let length: Int
    }

    private let lengths: [Int]
    private var index = 0
    private var parts: [WebSeedChunk] = []
    private var count = 0

    init(lengths: [Int]) { self.lengths = lengths }

    /// - Returns: spans that are complete with these bytes. Bytes past the last span are dropped.
    mutating func add(_ chunk: WebSeedChunk) -> [Whole] {
        var whole: [Whole] = []
        var start = 0
        while start < chunk.count, index < lengths.count {
            let end = min(chunk.count, start + lengths[index] - count)
            if let part = chunk.part(start..<end) { parts.append(part) }
            count += end - start
            start = end
            if count == lengths[index] {
                whole.append(Whole(index: index, parts: parts, length: count))
                parts = []
                count = 0
                index += 1
            }
        }
        return whole
    }
}
