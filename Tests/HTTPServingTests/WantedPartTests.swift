import HTTPServing
import HTTPTypes
import Testing

@Suite struct `A conditional request` {
    private func wanted(_ tags: String) -> WantedPart {
        WantedPart([.ifNoneMatch: tags], tag: "\"a\"", modified: nil, size: 5)
    }

    @Test(arguments: ["\"a\"", "W/\"a\"", "\"b\", W/\"a\"", "\"b\",\t\"a\"", "*"])
    func `whose tags have the resource's, weak or not, gets nothing new`(tags: String) {
        #expect(wanted(tags) == .unchanged)
    }

    @Test(arguments: ["\"b\"", "W/\"b\"", "a", ""])
    func `with other tags gets the whole`(tags: String) {
        #expect(wanted(tags) == .whole)
    }
}
