/// Columns with headings, as wide as their contents.
struct TextTable {
    var headings: [String]
    var rows: [[String]] = []
    /// Columns that are aligned to the right, such as numbers.
    var rightAligned: Set<Int> = []

    var text: String {
        let all = [headings] + rows
        let widths = headings.indices.map { column in all.map { $0[column].columns }.max() ?? 0 }
        return all.map { row in
            let cells = row.enumerated().map { column, cell in
                rightAligned.contains(column)
                    ? String(repeating: " ", count: max(0, widths[column] - cell.columns)) + cell
                    : column == row.count - 1 ? cell : cell.fitted(to: widths[column])
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
