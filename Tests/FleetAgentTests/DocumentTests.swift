import FleetAgent
import Foundation
import Testing

@Suite struct DocumentTests {
    /// `SWOOP_WRITE_DOCUMENTS=1` writes the tables anew.
    @Test func `the document has every key of the agent's file`() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/fleet-agent.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let begin = try #require(text.range(of: "<!-- agent.yaml -->\n"))
        let end = try #require(text.range(of: "<!-- end of agent.yaml -->"))
        if ProcessInfo.processInfo.environment["SWOOP_WRITE_DOCUMENTS"] != nil {
            let new = text[..<begin.upperBound] + AgentSettings.markdown + text[end.lowerBound...]
            try String(new).write(to: path, atomically: true, encoding: .utf8)
            return
        }
        #expect(String(text[begin.upperBound..<end.lowerBound]) == AgentSettings.markdown)
    }
}
