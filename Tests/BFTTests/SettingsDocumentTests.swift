import BFT
import Foundation
import Settings
import Testing

@Suite struct `The documented keys of the configuration` {
    /// The guide's table stands between two lines that say where it comes from.
    private static let begin = "<!-- settings: from NodeSettings -->\n"
    private static let end = "<!-- end of settings -->\n"

    @Test func `are those of the program, in the words of its table`() throws {
        let guide = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/hybrid-node.md")
        let text = try String(contentsOf: guide, encoding: .utf8)
        let begin = try #require(text.range(of: Self.begin))
        let end = try #require(text.range(of: Self.end))
        #expect(
            text[begin.upperBound..<end.lowerBound] == NodeSettings.table.markdown,
            "what stands there should be:\n\(NodeSettings.table.markdown)")
    }

    @Test(arguments: NodeSettings.table.settings.map(\.key))
    func `have the defaults that are documented`(key: String) throws {
        let setting = try #require(NodeSettings.table.settings.first { $0.key == key })
        guard case .value(let value) = setting.usual else { return }
        let text = #"{"servertype":"sender","\#(key)":"\#(value)"}"#
        #expect(try NodeConfiguration.parse(Array(text.utf8)) == NodeConfiguration(role: .sender), "\(value)")
    }

    @Test func `are each documented once`() {
        let names = NodeSettings.table.settings.flatMap(\.names)
        #expect(Set(names).count == names.count)
        #expect(NodeSettings.table.settings.allSatisfy { !$0.text.isEmpty })
    }
}
