import Backends
import Registry
import Testing

@Suite struct `Paths in a back end` {
    @Test(arguments: ["a", "a/b", "..a/b..", "a b/ä", ".a"])
    func `that are taken`(text: String) { #expect(BackendPath(text)?.text == text) }

    @Test(arguments: ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\u{0}"])
    func `that are refused`(text: String) { #expect(BackendPath(text) == nil) }

    private static let hex = "ab" + String(repeating: "0", count: 62)

    @Test func `are those of Kraken and of Docker's registry`() throws {
        let root = BackendPath("r/s")
        #expect(try BlobPaths(root: root, .identity).path(of: "x").text == "r/s/x")
        #expect(
            try BlobPaths(root: root, .shardedDockerBlob).path(of: Self.hex).text
                == "r/s/docker/registry/v2/blobs/sha256/ab/\(Self.hex)/data")
        #expect(
            try BlobPaths(.dockerTag).path(of: "team/app:1.0").text
                == "docker/registry/v2/repositories/team/app/_manifests/tags/1.0/current/link")
    }

    @Test(arguments: NamePath.allCases, [nil, "r/s"])
    func `lead back to their names`(kind: NamePath, root: String?) throws {
        let paths = BlobPaths(root: root.flatMap { BackendPath($0) }, kind)
        let name = kind == .shardedDockerBlob ? Self.hex : "team/app:1.0"
        let path = try paths.path(of: name)
        #expect(paths.name(of: path.text) == name)
        if let directory = paths.directory { #expect(path.text.hasPrefix(directory.text + "/")) }
        if root != nil { #expect(paths.name(of: "other/" + path.text) == nil) }
    }

    @Test(arguments: ["../../x", "a/../../b:t", "", "x:y:z", "a:b/c"])
    func `never lead out`(name: String) {
        for kind in [NamePath.shardedDockerBlob, .dockerTag] {
            #expect(throws: BackendProblem.self) { try BlobPaths(root: BackendPath("r"), kind).path(of: name) }
        }
    }
}

@Suite struct `The address of a back end` {
    private func open(_ text: String, _ variables: [String: String] = [:]) throws -> BackendAddress {
        try BackendAddress(text) { variables[$0] }
    }

    @Test func `is a directory, a file store or a bucket`() throws {
        guard case .directory("/srv/a", let names) = try open("file:///srv/a") else {
            Issue.record("no directory")
            return
        }
        #expect(names == BlobPaths(.shardedDockerBlob))
        guard case .testfs(let url, let files) = try open("http://h:14000") else {
            Issue.record("no file store")
            return
        }
        #expect(url.authority == "h:14000" && files == BlobPaths(root: BackendPath("blobs"), .identity))
        let variables = [
            "AWS_ENDPOINT_URL": "http://h:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "secretsecret",
            "AWS_REGION": "eu-1",
        ]
        guard case .s3(let address, let keys) = try open("s3://bucket/p/q?name_path=identity", variables) else {
            Issue.record("no bucket")
            return
        }
        #expect(address.endpoint == "http://h:9" && address.bucket == "bucket" && address.region == "eu-1")
        #expect(keys == BlobPaths(root: BackendPath("p/q"), .identity))
    }

    @Test(arguments: ["hdfs://h/x", "gs://b", "sql://h", "gcs://b"])
    func `of a kind that is not offered is refused by name`(text: String) {
        let problem = #expect(throws: BackendAddressProblem.self) { try open(text) }
        guard case .notOffered? = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
    }

    @Test(arguments: BackendKind.refused)
    func `a kind of Kraken's that is not offered is refused by name`(kind: String) {
        #expect(throws: BackendAddressProblem.notOffered(kind)) { try BackendKind(named: kind) }
    }

    @Test(arguments: ["", "x", "file://a", "http://h/p", "s3://", "s3://b/../c", "ftp://h", "file:///a?name_path=x"])
    func `that is none is refused`(text: String) {
        #expect(throws: BackendAddressProblem.self) { try open(text) }
    }

    @Test func `the first pattern that matches a name chooses`() throws {
        func backend(_ root: String) -> Backend {
            Backend(Nowhere(), names: BlobPaths(root: BackendPath(root), .identity))
        }
        let backends = Backends([
            .init(names: try NamePatterns(["team/.*"]), backend: backend("one")),
            .init(names: try NamePatterns([".*/app", "x"]), backend: backend("two")),
        ])
        func label(_ name: String) throws -> String? { backends.backend(for: try #require(ContentName(name)))?.label }
        #expect(try label("team/app") == "nowhere one identity")
        #expect(try label("other/app") == "nowhere two identity")
        #expect(try label("other") == nil)
        #expect(backends.backend(labelled: "nowhere two identity") != nil)
    }
}

private struct Nowhere: BackendStore {
    var isWritable: Bool { true }
    var description: String { "nowhere" }
    func size(of path: BackendPath) async throws(BackendProblem) -> Int64? { nil }
    nonisolated(nonsending) func read(
        _ path: BackendPath, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {}
    func upload(file: String, to path: BackendPath) async throws(BackendProblem) {}
    func list(below directory: BackendPath?, _ body: ([String]) async -> Void) async throws(BackendProblem) {}

    @Test func `two places of one web server are two back ends, and a signature is not told`() throws {
        func label(_ pattern: String) throws -> String {
            Backend(try WebStore(pattern: pattern), names: BlobPaths(.identity)).label
        }
        #expect(try label("http://host/a/%s") != label("http://host/b/%s"))
        #expect(try label("http://host/a/%s") == label("http://host/a/"))
        #expect(try label("http://host/%s?sig=secret") != label("http://host/%s?sig=other"))
        #expect(try !label("http://host/%s?sig=secret").contains("secret"))
    }
}
