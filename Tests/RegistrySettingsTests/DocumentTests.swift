import Foundation
import RegistrySettings
import Settings
import Testing

@Suite struct `The documented keys of a registry` {
    /// The guide's table stands between two lines that say where it comes from.
    private static let begin = "<!-- keys: from RegistryTable -->\n"
    private static let end = "<!-- end of keys -->\n"

    @Test func `are those of the program, in the words of its table`() throws {
        let guide = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/registry.md")
        let text = try String(contentsOf: guide, encoding: .utf8)
        let begin = try #require(text.range(of: Self.begin))
        let end = try #require(text.range(of: Self.end))
        // To write it anew: SWOOP_WRITE_DOCUMENTS=1.
        if ProcessInfo.processInfo.environment["SWOOP_WRITE_DOCUMENTS"] == "1" {
            let new = text[..<begin.upperBound] + RegistryTable.markdown + text[end.lowerBound...]
            try String(new).write(to: guide, atomically: true, encoding: .utf8)
            return
        }
        #expect(text[begin.upperBound..<end.lowerBound] == RegistryTable.markdown)
    }

    @Test func `are each documented once`() {
        let names = RegistryTable.table.settings.flatMap(\.names)
        #expect(Set(names).count == names.count)
        #expect(RegistryTable.table.settings.allSatisfy { !$0.text.isEmpty })
    }
}
