import Testing

@testable import Swarm

@Suite struct GlobTests {
    @Test(arguments: [
        ("*.mxf", "reel1/pic.mxf", true), ("*.mxf", "reel1/pic.xml", false), ("reel?/*", "reel1/pic.xml", true),
        ("pic.xml", "deep/er/pic.xml", true), ("reel2/*", "reel1/pic.xml", false), ("", "a", false),
    ])
    func `patterns match as a shell's do`(pattern: String, path: String, expected: Bool) {
        #expect(Glob.matches(pattern, Array(path.utf8)) == expected)
    }
}
