import Foundation
import TestSupport
import Testing

/// What the roles of a registry say of their calls.
@Suite(.serialized) struct RegistryDescriptionTests {
    /// Sees that a description is whole, and that there is something at each of its paths that need no value.
    private func check(_ authority: String, _ expected: [String]) async throws {
        let client = OCIClient(authority: authority)
        let document = try await client.call("GET", "/openapi.json")
        #expect(document.status == 200, "\(document)")
        #expect(document.json["openapi"] as? String == "3.1.0")
        let paths = try #require(document.json["paths"] as? [String: [String: [String: Any]]])
        let components = document.json["components"] as? [String: [String: Any]] ?? [:]
        for path in expected { #expect(paths[path] != nil, "\(path) of \(authority)") }
        for (path, operations) in paths {
            #expect(!path.contains("internal") && !path.contains("+"))
            let values = path.split(separator: "/").filter { $0.hasPrefix("{") }.map { $0.dropFirst().dropLast() }
            for (method, operation) in operations {
                let parameters = operation["parameters"] as? [[String: Any]] ?? []
                for value in values {
                    #expect(
                        parameters.contains { $0["name"] as? String == String(value) && $0["in"] as? String == "path" },
                        "\(method) \(path): \(value)")
                }
                for text in parameters.compactMap({ $0["$ref"] as? String }) {
                    let name = text.split(separator: "/").last.map(String.init) ?? ""
                    #expect(components["parameters"]?[name] != nil, "\(method) \(path): \(name)")
                }
                #expect(operation["responses"] as? [String: Any] != nil)
                guard values.isEmpty, method == "get" else { continue }
                let answer = try await client.call("GET", path)
                #expect(answer.status != 404, "\(path): \(answer)")
            }
        }
    }

    @Test func `have every call of each role, and nothing that is not there`() async throws {
        let registry = try await TestIndexes()
        let agent = try await registry.agent()
        let index = [
            "/v1/names", "/v1/names/{name}/tags/{tag}", "/v1/resolve/{reference}", "/v1/watch", "/v1/warmings",
            "/v1/collection", "/tags/{tag}", "/list", "/v1/cluster", "/metrics", "/readyz", "/openapi.json",
        ]
        let origin = [
            "/namespace/{namespace}/blobs/{digest}", "/namespace/{namespace}/blobs/{digest}/metainfo", "/v1/origin",
            "/v1/scrub", "/v1/blobs/{digest}/doubts", "/v1/cluster", "/v1/status", "/metrics", "/healthz",
        ]
        try await check(registry.indexes[0], index)
        try await check(registry.origin, origin)
        try await check(
            agent.api,
            [
                "/namespace/{namespace}/blobs/{digest}", "/v1/files/{file}", "/tags/{tag}", "/preload/tags/{tag}",
                "/blobs/{digest}", "/v1/pulls", "/v1/pulls/{id}/events", "/v1/status", "/v1/blobs", "/readiness",
            ])
        let up = try await TestRegistry()
        try await check(up.authority, index + origin)
        try await agent.program.stop()
        try await up.program.stop()
    }
}
