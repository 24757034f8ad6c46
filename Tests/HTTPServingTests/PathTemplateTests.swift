import HTTPServing
import Testing

@Suite struct `A path with slashes in a value` {
    private func match(_ template: String, _ path: String) -> [String: String]? {
        PathTemplate(template)?.match(path).map { values in
            Dictionary(values.map { (String($0.name), String($0.value)) }) { $1 }
        }
    }

    @Test func `the value is all that the rest of the template leaves`() {
        let template = "/v1/names/{name+}/tags/{tag}"
        #expect(match(template, "/v1/names/a/tags/1") == ["name": "a", "tag": "1"])
        #expect(match(template, "/v1/names/a/b/c/tags/1") == ["name": "a/b/c", "tag": "1"])
        #expect(match(template, "/v1/names/a%2Fb/tags/1") == ["name": "a%2Fb", "tag": "1"])
        #expect(match(template, "/v1/names/a/tags/b/tags/1") == ["name": "a/tags/b", "tag": "1"])
        #expect(match("/list/{prefix+}", "/list/a/b") == ["prefix": "a/b"])
        #expect(match("/x/{one}/y/{rest+}", "/x/1/y/2/3") == ["one": "1", "rest": "2/3"])
    }

    @Test(arguments: [
        "", "/", "/v1/names/a/tags", "/v1/names/tags/1", "/v1/names//tags/1", "/v1/names/a//tags/1",
        "/v1/names/a/tags/1/", "v1/names/a/tags/1", "/v1/names/a/tag/1", "/v2/names/a/tags/1",
    ])
    func `other paths do not match`(path: String) {
        #expect(match("/v1/names/{name+}/tags/{tag}", path) == nil)
    }

    @Test func `templates without such a value are the router's`() {
        #expect(PathTemplate("/v1/names/{name}") == nil)
        #expect(PathTemplate("/v1/names/{name+}/tags")?.prefix == "v1/names")
    }
}
