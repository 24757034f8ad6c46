extension String {
    /// The beginning of the text, of at most so many bytes of UTF-8, with whole characters.
    package func prefix(bytes most: Int) -> String {
        guard utf8.count > most else { return self }
        var count = 0
        for index in indices {
            let width = self[index].utf8.count
            guard count + width <= most else { return String(self[..<index]) }
            count += width
        }
        return self
    }
}
