import Foundation
import RegistrySettings
import Testing

@Suite struct `The files of the package` {
    private static let packaging = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Packaging")

    @Test(arguments: [
        "registry/origin.yaml", "registry/index.yaml", "registry/tracker.yaml", "registry/agent.yaml",
        "registry/secrets.yaml", "nova/config/origin/base.yaml", "nova/config/tracker/base.yaml",
        "nova/config/build-index/base.yaml", "nova/config/agent/base.yaml", "nova/config/push-cli/base.yaml",
    ])
    func `have no key that is not known`(name: String) throws {
        let text = try String(contentsOf: Self.packaging.appending(path: name), encoding: .utf8)
        #expect(try configuration(["/etc/role.yaml": text]).notes == [])
        // What is commented out is right too.
        let all = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line
        }.joined(separator: "\n")
        #expect(try configuration(["/etc/role.yaml": all]).notes == [])
    }
}
