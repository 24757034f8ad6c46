import Fleet
import Foundation
import Testing

@Suite struct FleetDocumentTests {
    /// `SWOOP_WRITE_DOCUMENTS=1` writes the table anew.
    @Test func `The document has every key of a class's sources`() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/fleet.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- sources: from SourceSettings -->\n"))
        let end = try #require(text.range(of: "<!-- end of sources -->"))
        if ProcessInfo.processInfo.environment["SWOOP_WRITE_DOCUMENTS"] != nil {
            let new = text[..<begin.upperBound] + SourceSettings.markdown + text[end.lowerBound...]
            try String(new).write(to: path, atomically: true, encoding: .utf8)
            return
        }
        #expect(String(text[begin.upperBound..<end.lowerBound]) == SourceSettings.markdown)
    }
}
