import Fleet
import Foundation
import Testing

@Suite struct FleetDocumentTests {
    /// `SWOOP_WRITE_DOCUMENTS=1` writes the tables anew.
    @Test func `The document has every key of a class, and of its sources`() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/fleet.md")
        for (name, table) in [
            ("class: from ClassSettings", ClassSettings.markdown),
            ("sources: from SourceSettings", SourceSettings.markdown),
        ] {
            let text = try String(contentsOf: path, encoding: .utf8)
            let begin = try #require(text.range(of: "<!-- \(name) -->\n"))
            let end = try #require(text.range(of: "<!-- end of \(name.prefix { $0 != ":" }) -->"))
            if ProcessInfo.processInfo.environment["SWOOP_WRITE_DOCUMENTS"] != nil {
                let new = text[..<begin.upperBound] + table + text[end.lowerBound...]
                try String(new).write(to: path, atomically: true, encoding: .utf8)
                continue
            }
            #expect(String(text[begin.upperBound..<end.lowerBound]) == table)
        }
    }
}
