import Foundation
import TestSupport
import Testing

/// One request of a table and what must come back.
private struct Call: CustomStringConvertible {
    let what: String
    /// Method and path.
    let request: String
    let headers: [String]
    let body: String?
    let status: Int
    let code: String?
    /// Headers that must be there, with these values; an empty one only has to be there.
    let expected: [String: String]
    /// What the body must be.
    let answer: String?

    var description: String { "\(what): \(request)" }

    init(
        _ what: String, _ request: String, _ headers: [String], body: String? = nil, _ status: Int,
        _ code: String? = nil, has expected: [String: String] = [:], answer: String? = nil
    ) {
        self.what = what
        self.request = request
        self.headers = headers
        self.body = body
        self.status = status
        self.code = code
        self.expected = expected
        self.answer = answer
    }

    init(
        _ what: String, _ request: String, body: String? = nil, _ status: Int, _ code: String? = nil,
        has expected: [String: String] = [:], answer: String? = nil
    ) {
        self.init(what, request, [], body: body, status, code, has: expected, answer: answer)
    }

    func check(at client: OCIClient) async throws {
        let cut = try #require(request.firstIndex(of: " "))
        let method = String(request[..<cut])
        let reply = try await client.call(
            method, String(request[request.index(after: cut)...]), headers, body: body)
        #expect(reply.status == status, "\(self): \(reply)")
        if let code, method != "HEAD" {
            #expect(reply.code == code, "\(self): \(reply)")
            #expect(reply.message?.isEmpty == false, "\(self): \(reply)")
            #expect(reply.headers["content-type"] == "application/json", "\(self): \(reply)")
        }
        for (name, value) in expected {
            let found = reply.headers[name]
            #expect(found != nil && (value.isEmpty || found == value), "\(self): \(name) is not \(value) in \(reply)")
        }
        if let answer { #expect(reply.body == answer, "\(self)") }
    }
}

/// Every call and error of the OCI distribution API 1.1, over HTTP, at a registry and at an agent.
@Suite("The OCI distribution API")
struct RegistryContractTests {
    private static let blob = String(repeating: "0123456789", count: 100)
    private static let absent = "sha256:" + String(repeating: "a1", count: 32)
    private static let sha512 = "sha512:" + String(repeating: "a1", count: 64)
    private static let image = "Content-Type: \(OCIClient.imageType)"

    private func check(_ calls: [Call], at client: OCIClient) async throws {
        for call in calls { try await call.check(at: client) }
    }

    @Test
    func `A blob is had whole, in ranges and under its name only`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        let digest = try await client.upload(Self.blob, to: "team/app")
        let path = "/v2/team/app/blobs/\(digest)"
        try await check(
            [
                Call("end-1", "GET /v2/", 200, has: ["content-type": "application/json"]),
                Call("end-1 without slash", "GET /v2", 200),
                Call(
                    "end-2", "GET \(path)", 200,
                    has: ["docker-content-digest": digest, "content-length": "1000"], answer: Self.blob),
                Call(
                    "end-2", "HEAD \(path)", 200,
                    has: ["docker-content-digest": digest, "content-length": "1000"], answer: ""),
                Call(
                    "a range", "GET \(path)", ["Range: bytes=10-19"], 206,
                    has: ["content-range": "bytes 10-19/1000"], answer: "0123456789"),
                Call("the end", "GET \(path)", ["Range: bytes=-3"], 206, answer: "789"),
                Call(
                    "behind the end", "GET \(path)", ["Range: bytes=1000-"], 416,
                    has: ["content-range": "bytes */1000"]),
                Call("unknown", "GET /v2/team/app/blobs/\(Self.absent)", 404, "BLOB_UNKNOWN"),
                Call("unknown", "HEAD /v2/team/app/blobs/\(Self.absent)", 404, answer: ""),
                Call("another name", "GET /v2/team/other/blobs/\(digest)", 404, "BLOB_UNKNOWN"),
                Call("sha512", "GET /v2/team/app/blobs/\(Self.sha512)", 400, "UNSUPPORTED"),
                Call("no digest", "GET /v2/team/app/blobs/sha256:xyz", 400, "DIGEST_INVALID"),
                Call(
                    "capitals", "GET /v2/team/app/blobs/\(digest.replacingOccurrences(of: "sha256:", with: "SHA256:"))",
                    400, "DIGEST_INVALID"),
                Call("a method", "PATCH \(path)", 405, "UNSUPPORTED"),
                Call("end-10", "DELETE \(path)", 202),
                Call("gone", "GET \(path)", 404, "BLOB_UNKNOWN"),
                Call("gone already", "DELETE \(path)", 404, "BLOB_UNKNOWN"),
            ], at: client)
    }

    @Test
    func `Names and paths that are none are refused by the specification's codes`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        let long = Array(repeating: "abcdefghijklmno", count: 17).joined(separator: "/")
        let names = ["Team/app", "te%20am/app", "-app", "a//b", "a/../b", "..", "a/%2e%2e/b", long]
        try await check(
            names.map { Call("a name", "GET /v2/\($0)/tags/list", 400, "NAME_INVALID") }
                + [
                    Call("a name", "POST /v2/Team/app/blobs/uploads/", 400, "NAME_INVALID"),
                    Call("an encoded slash", "GET /v2/a%2fb/tags/list", 404, "UNSUPPORTED"),
                    Call("no such path", "GET /v2/team/app/nothing", 404, "UNSUPPORTED"),
                    Call("no such path", "GET /v2/team", 404, "UNSUPPORTED"),
                    Call("a tag", "GET /v2/team/app/manifests/.hidden", 400, "MANIFEST_INVALID"),
                    Call("a method", "POST /v2/team/app/tags/list", 405, "UNSUPPORTED"),
                    Call("a method", "DELETE /v2/_catalog", 405, "UNSUPPORTED"),
                    Call("another host's page", "GET /v2/", ["Host: evil.example"], 403, "DENIED"),
                    Call(
                        "another site's page", "POST /v2/a/blobs/uploads/", ["Origin: http://evil.example"], 403,
                        "DENIED"),
                    Call(
                        "a mirror for others", "GET /v2/library/busybox/manifests/latest?ns=docker.io", 404,
                        "NAME_UNKNOWN"),
                    Call("a mirror for us", "GET /v2/?ns=\(registry.authority)", 200),
                    Call("no such name", "HEAD /v1/names/team/app/tags", 404, answer: ""),
                    Call(
                        "a method", "PATCH /v1/names/team/app/tags/1", 405, has: ["allow": "GET, HEAD, PUT, DELETE"]),
                    Call("a method", "DELETE /v1/resolve/team/app:1", 405, has: ["allow": "GET, HEAD"]),
                ], at: client)
    }

    @Test
    func `A blob comes in one request, in two, in chunks or as a stream`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        let (blob, digest, uploads) = (Self.blob, OCIClient.digest(Self.blob), "/v2/a/blobs/uploads/")

        let made = ["location": "/v2/a/blobs/\(digest)", "docker-content-digest": digest]
        try await Call("end-4b", "POST \(uploads)?digest=\(digest)", body: blob, 201, has: made).check(at: client)

        let two = try await client.call("POST", "/v2/b/blobs/uploads/")
        #expect(two.status == 202, "\(two)")
        #expect(two.headers["range"] == "0-0", "\(two)")
        #expect(two.headers["docker-upload-uuid"]?.isEmpty == false, "\(two)")
        try await Call("end-6", "PUT \(two.location)?digest=\(digest)", body: blob, 201).check(at: client)
        try await Call("ended", "GET \(two.location)", 404, "BLOB_UPLOAD_UNKNOWN").check(at: client)

        let chunked = try await client.call("POST", "/v2/c/blobs/uploads/")
        let parts = [blob.prefix(300), blob.dropFirst(300).prefix(300), blob.dropFirst(600)].map(String.init)
        try await check(
            [
                Call(
                    "end-5", "PATCH \(chunked.location)", ["Content-Range: 0-299"], body: parts[0], 202,
                    has: ["range": "0-299", "location": ""]),
                Call("end-13", "GET \(chunked.location)", 204, has: ["range": "0-299", "location": ""]),
                Call("a gap", "PATCH \(chunked.location)", ["Content-Range: 600-999"], body: parts[2], 416),
                Call("again", "PATCH \(chunked.location)", ["Content-Range: 0-299"], body: parts[0], 416),
                Call(
                    "no range", "PATCH \(chunked.location)", ["Content-Range: x-y"], body: parts[1], 400,
                    "BLOB_UPLOAD_INVALID"),
                Call(
                    "another length", "PATCH \(chunked.location)", ["Content-Range: 300-400"], body: parts[1], 400,
                    "SIZE_INVALID"),
                Call("as it was", "GET \(chunked.location)", 204, has: ["range": "0-299"]),
                Call("with unit", "PATCH \(chunked.location)", ["Content-Range: bytes 300-599"], body: parts[1], 202),
                Call(
                    "end-6 with the rest", "PUT \(chunked.location)?digest=\(digest)", ["Content-Range: 600-999"],
                    body: parts[2], 201),
                Call("whole", "GET /v2/c/blobs/\(digest)", 200, answer: blob),
            ], at: client)

        let stream = try await client.call("POST", "/v2/d/blobs/uploads/")
        let id = stream.location.split(separator: "/").last ?? ""
        let elsewhere = ["GET", "PATCH", "PUT", "DELETE"].map { method in
            Call(
                "another name's", "\(method) /v2/other/blobs/uploads/\(id)?digest=\(digest)", 404,
                "BLOB_UPLOAD_UNKNOWN")
        }
        try await check(elsewhere, at: client)
        try await check(
            [
                Call(
                    "a stream", "PATCH \(stream.location)", ["Transfer-Encoding: chunked"], body: blob, 202,
                    has: ["range": "0-999"]),
                Call("no digest", "PUT \(stream.location)", 400, "DIGEST_INVALID"),
                Call("end-6 without a body", "PUT \(stream.location)?digest=\(digest)", 201, has: ["location": ""]),
            ], at: client)
        let empty = OCIClient.digest("")
        try await client.upload("", to: "e")
        try await Call("no bytes", "GET /v2/e/blobs/\(empty)", 200, has: ["content-length": "0"]).check(at: client)
    }

    @Test
    func `What is not what was said is refused, and nothing is kept`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        let uploads = "/v2/a/blobs/uploads/"
        for (digest, code) in [
            (Self.absent, "DIGEST_INVALID"), (Self.sha512, "UNSUPPORTED"), ("nothing", "DIGEST_INVALID"),
        ] {
            let begun = try await client.call("POST", uploads)
            try await check(
                [
                    Call("end-6", "PUT \(begun.location)?digest=\(digest)", body: Self.blob, 400, code),
                    Call("end-4b", "POST \(uploads)?digest=\(digest)", body: Self.blob, 400, code),
                    Call("not kept", "GET /v2/a/blobs/\(OCIClient.digest(Self.blob))", 404, "BLOB_UNKNOWN"),
                ], at: client)
        }
        let begun = try await client.call("POST", uploads)
        try await check(
            [
                Call("end-14", "DELETE \(begun.location)", 204),
                Call("cancelled", "GET \(begun.location)", 404, "BLOB_UPLOAD_UNKNOWN"),
                Call("cancelled", "PATCH \(begun.location)", body: "x", 404, "BLOB_UPLOAD_UNKNOWN"),
                Call("cancelled", "DELETE \(begun.location)", 404, "BLOB_UPLOAD_UNKNOWN"),
                Call("no upload", "PATCH \(uploads)..%2f..%2fx", body: "x", 404),
                Call("no upload", "PUT \(uploads)nothing?digest=\(Self.absent)", body: "x", 404, "BLOB_UPLOAD_UNKNOWN"),
            ], at: client)
    }

    @Test
    func `A blob is mounted from another name, and from wherever it is`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        let digest = try await client.upload(Self.blob, to: "from")
        let made = ["docker-content-digest": digest]
        try await check(
            [
                Call(
                    "end-11", "POST /v2/to/blobs/uploads/?mount=\(digest)&from=from", 201,
                    has: made.merging(["location": "/v2/to/blobs/\(digest)"]) { $1 }),
                Call("mounted", "GET /v2/to/blobs/\(digest)", 200, answer: Self.blob),
                Call("without from", "POST /v2/any/blobs/uploads/?mount=\(digest)", 201, has: made),
                Call("not there", "POST /v2/c/blobs/uploads/?mount=\(digest)&from=empty", 202, has: ["location": ""]),
                Call("no name", "POST /v2/c/blobs/uploads/?mount=\(digest)&from=..", 202, has: ["location": ""]),
                Call("unknown", "POST /v2/c/blobs/uploads/?mount=\(Self.absent)&from=from", 202),
                Call("not mounted", "GET /v2/c/blobs/\(digest)", 404, "BLOB_UNKNOWN"),
                Call("no digest", "POST /v2/c/blobs/uploads/?mount=x&from=from", 400, "DIGEST_INVALID"),
            ], at: client)
    }

    @Test
    func `A manifest is kept to the byte, with its tags`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        // Blanks and order are the client's own.
        let manifest = OCIClient.manifest(["one", "two"]) + "\n"
        let digest = OCIClient.digest(manifest)
        for text in ["one", "two", "{}"] { try await client.upload(text, to: "m") }
        let has = [
            "docker-content-digest": digest, "content-type": OCIClient.imageType,
            "content-length": "\(manifest.utf8.count)",
        ]
        try await check(
            [
                Call(
                    "end-7", "PUT /v2/m/manifests/1.0", [Self.image], body: manifest, 201,
                    has: ["location": "/v2/m/manifests/\(digest)", "docker-content-digest": digest]),
                Call("end-3", "GET /v2/m/manifests/1.0", 200, has: has, answer: manifest),
                Call("by digest", "GET /v2/m/manifests/\(digest)", 200, has: has, answer: manifest),
                Call("end-3", "HEAD /v2/m/manifests/1.0", 200, has: has, answer: ""),
                Call("known", "GET /v2/m/manifests/1.0", ["If-None-Match: \"\(digest)\""], 304, answer: ""),
                Call("by digest", "PUT /v2/m/manifests/\(digest)", [Self.image], body: manifest, 201),
                Call(
                    "with tags", "PUT /v2/m/manifests/\(digest)?tag=2.0&tag=3.0", [Self.image], body: manifest, 201,
                    has: ["oci-tag": "2.0, 3.0"]),
                Call("its tag", "GET /v2/m/manifests/3.0", 200, has: has),
                Call(
                    "no tag", "PUT /v2/m/manifests/\(digest)?tag=.x", [Self.image], body: manifest, 400,
                    "MANIFEST_INVALID"),
                Call(
                    "another digest", "PUT /v2/m/manifests/\(Self.absent)", [Self.image], body: manifest, 400,
                    "DIGEST_INVALID"),
                Call("unknown", "GET /v2/m/manifests/9.9", 404, "MANIFEST_UNKNOWN"),
                Call("unknown", "HEAD /v2/m/manifests/9.9", 404, answer: ""),
                Call("unknown", "GET /v2/m/manifests/\(Self.absent)", 404, "MANIFEST_UNKNOWN"),
                Call("another name", "GET /v2/other/manifests/\(digest)", 404, "MANIFEST_UNKNOWN"),
                Call("a tag", "DELETE /v2/m/manifests/3.0", 202),
                Call("deleted", "GET /v2/m/manifests/3.0", 404, "MANIFEST_UNKNOWN"),
                Call("others stay", "GET /v2/m/manifests/2.0", 200),
                Call("end-9", "DELETE /v2/m/manifests/\(digest)", 202),
                Call("its tags too", "GET /v2/m/manifests/2.0", 404, "MANIFEST_UNKNOWN"),
                Call("deleted", "DELETE /v2/m/manifests/\(digest)", 404, "MANIFEST_UNKNOWN"),
                Call("deleted", "DELETE /v2/m/manifests/2.0", 404, "MANIFEST_UNKNOWN"),
            ], at: client)
    }

    @Test
    func `A manifest that is wrong or refers to what is not there changes nothing`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        for text in ["one", "{}"] { try await client.upload(text, to: "m") }
        let good = OCIClient.manifest(["one"])
        let path = "PUT /v2/m/manifests/1.0"
        func changed(_ old: String, _ new: String) -> String { good.replacingOccurrences(of: old, with: new) }
        try await check(
            [
                Call("no JSON", path, [Self.image], body: "{", 400, "MANIFEST_INVALID"),
                Call("no object", path, [Self.image], body: "[]", 400, "MANIFEST_INVALID"),
                Call("nothing", path, [Self.image], 400, "MANIFEST_INVALID"),
                Call(
                    "version 1", path, [Self.image], body: changed("\"schemaVersion\":2", "\"schemaVersion\":1"), 400,
                    "MANIFEST_INVALID"),
                Call(
                    "another type", path, ["Content-Type: \(OCIClient.indexType)"], body: good, 400, "MANIFEST_INVALID"),
                Call(
                    "no digest", path, [Self.image], body: changed(OCIClient.digest("one"), "sha256:1"), 400,
                    "MANIFEST_INVALID"),
                Call(
                    "sha512", path, [Self.image], body: changed(OCIClient.digest("one"), Self.sha512), 400,
                    "UNSUPPORTED"),
                Call(
                    "another size", path, [Self.image], body: changed("\"size\":3", "\"size\":4"), 400, "SIZE_INVALID"),
                Call(
                    "less than nothing", path, [Self.image], body: changed("\"size\":3", "\"size\":-1"), 400,
                    "MANIFEST_INVALID"),
                Call(
                    "too large", path, [Self.image],
                    body: good + String(repeating: " ", count: 4 << 20), 413, "MANIFEST_INVALID"),
                Call("not there", "GET /v2/m/manifests/1.0", 404, "MANIFEST_UNKNOWN"),
                Call(
                    "another name's blobs", "PUT /v2/n/manifests/1.0", [Self.image], body: good, 400,
                    "MANIFEST_BLOB_UNKNOWN"),
            ], at: client)
        let missing = try await client.put(changed(OCIClient.digest("one"), Self.absent), as: "m", "1.0")
        #expect(missing.status == 400 && missing.code == "MANIFEST_BLOB_UNKNOWN", "\(missing)")
        #expect(missing.body.contains(Self.absent), "\(missing)")

        let foreign = changed("application/octet-stream", "application/vnd.oci.image.layer.nondistributable.v1.tar")
            .replacingOccurrences(of: OCIClient.digest("one"), with: Self.absent)
        #expect(try await client.put(foreign, as: "m", "foreign").status == 201)
        let member = #"{"mediaType":"\#(OCIClient.imageType)","digest":"\#(Self.absent)","size":3}"#
        let index = #"{"schemaVersion":2,"mediaType":"\#(OCIClient.indexType)","manifests":[\#(member)]}"#
        let refused = try await client.put(index, as: "m", "index", type: OCIClient.indexType)
        #expect(refused.status == 400 && refused.code == "MANIFEST_BLOB_UNKNOWN", "\(refused)")
        let there = index.replacingOccurrences(of: Self.absent, with: OCIClient.digest(foreign))
        #expect(try await client.put(there, as: "m", "index", type: OCIClient.indexType).status == 201)
    }

    @Test
    func `A tag is immutable, but for latest`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        let first = try await client.put(["one"], as: "team/app", "1.0")
        #expect(first.status == 201, "\(first)")
        #expect(try await client.put(["one"], as: "team/app", "1.0").status == 201)
        let other = try await client.put(["two"], as: "team/app", "1.0")
        #expect(other.status == 409 && other.code == "DENIED", "\(other)")
        let digest = OCIClient.digest(OCIClient.manifest(["one"]))
        let text =
            "team/app:1.0 is \(digest) already, and tags are immutable here: choose another, or add a pattern to "
        #expect(other.message == text + "\"mutable\"", "\(other)")
        try await Call("as it was", "HEAD /v2/team/app/manifests/1.0", 200, has: ["docker-content-digest": digest])
            .check(at: client)

        #expect(try await client.put(["one"], as: "team/app", "latest").status == 201)
        #expect(try await client.put(["two"], as: "team/app", "latest").status == 201)
        let now = OCIClient.digest(OCIClient.manifest(["two"]))
        try await Call("moved", "HEAD /v2/team/app/manifests/latest", 200, has: ["docker-content-digest": now])
            .check(at: client)

        try await Call("deleted", "DELETE /v2/team/app/manifests/1.0", 202).check(at: client)
        #expect(try await client.put(["two"], as: "team/app", "1.0").status == 409)
        #expect(try await client.put(["one"], as: "team/app", "1.0").status == 201)
    }

    @Test
    func `Tags and names are listed in pages`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        for tag in ["c", "a", "b"] { #expect(try await client.put(["one"], as: "x/y", tag).status == 201) }
        #expect(try await client.put(["one"], as: "x", "1").status == 201)
        try await check(
            [
                Call("end-8a", "GET /v2/x/y/tags/list", 200, answer: #"{"name":"x/y","tags":["a","b","c"]}"#),
                Call(
                    "end-8b", "GET /v2/x/y/tags/list?n=2", 200,
                    has: ["link": #"</v2/x/y/tags/list?n=2&last=b>; rel="next""#],
                    answer: #"{"name":"x/y","tags":["a","b"]}"#),
                Call("the next", "GET /v2/x/y/tags/list?n=2&last=b", 200, answer: #"{"name":"x/y","tags":["c"]}"#),
                Call("none", "GET /v2/x/y/tags/list?n=0", 200, answer: #"{"name":"x/y","tags":[]}"#),
                Call("after all", "GET /v2/x/y/tags/list?last=z", 200, answer: #"{"name":"x/y","tags":[]}"#),
                Call("no number", "GET /v2/x/y/tags/list?n=some", 400, "UNSUPPORTED"),
                Call("less than none", "GET /v2/x/y/tags/list?n=-1", 400, "UNSUPPORTED"),
                Call("no such name", "GET /v2/z/tags/list", 404, "NAME_UNKNOWN"),
                Call("catalog", "GET /v2/_catalog", 200, answer: #"{"repositories":["x","x/y"]}"#),
                Call(
                    "catalog in pages", "GET /v2/_catalog?n=1", 200,
                    has: ["link": #"</v2/_catalog?n=1&last=x>; rel="next""#],
                    answer: #"{"repositories":["x"]}"#),
            ], at: client)
        let last = try await client.call("GET", "/v2/x/y/tags/list?n=2&last=b")
        #expect(last.headers["link"] == nil, "\(last)")
    }

    @Test
    func `Manifests that are about another one are found by it`() async throws {
        let registry = try await TestRegistry()
        let client = OCIClient(authority: registry.authority)
        let subject = OCIClient.manifest(["one"])
        let digest = OCIClient.digest(subject)
        let about =
            #""subject":{"mediaType":"\#(OCIClient.imageType)","digest":"\#(digest)","size":\#(subject.utf8.count)},"#
        for text in ["sbom", "signature", "{}"] { try await client.upload(text, to: "r") }
        for kind in ["sbom", "signature"] {
            // The subject may come later.
            let manifest = OCIClient.manifest(
                [kind], more: about + #""artifactType":"test/\#(kind)","annotations":{"k":"\#(kind)"},"#)
            let put = try await client.put(manifest, as: "r", OCIClient.digest(manifest))
            #expect(put.status == 201 && put.headers["oci-subject"] == digest, "\(put)")
        }
        let all = try await client.call("GET", "/v2/r/referrers/\(digest)")
        #expect(all.status == 200 && all.headers["content-type"] == OCIClient.indexType, "\(all)")
        let members = all.json["manifests"] as? [[String: Any]] ?? []
        #expect(Set(members.compactMap { $0["artifactType"] as? String }) == ["test/sbom", "test/signature"], "\(all)")
        #expect(members.allSatisfy { $0["annotations"] != nil && $0["size"] != nil }, "\(all)")
        let one = try await client.call("GET", "/v2/r/referrers/\(digest)?artifactType=test/sbom")
        #expect((one.json["manifests"] as? [Any])?.count == 1, "\(one)")
        #expect(one.headers["oci-filters-applied"] == "artifactType", "\(one)")
        try await check(
            [
                Call(
                    "end-12a of nothing", "GET /v2/r/referrers/\(Self.absent)", 200,
                    has: ["content-type": OCIClient.indexType]),
                Call("no digest", "GET /v2/r/referrers/x", 400, "DIGEST_INVALID"),
                Call("sha512", "GET /v2/r/referrers/\(Self.sha512)", 400, "UNSUPPORTED"),
            ], at: client)
        let gone = OCIClient.digest(
            OCIClient.manifest(["sbom"], more: about + #""artifactType":"test/sbom","annotations":{"k":"sbom"},"#))
        try await Call("deleted", "DELETE /v2/r/manifests/\(gone)", 202).check(at: client)
        let rest = try await client.call("GET", "/v2/r/referrers/\(digest)")
        #expect((rest.json["manifests"] as? [Any])?.count == 1, "\(rest)")
    }

    @Test
    func `An agent gives what the registry has, and takes nothing`() async throws {
        let registry = try await TestRegistry()
        let origin = OCIClient(authority: registry.authority)
        #expect(try await origin.put([Self.blob, "one"], as: "team/app", "1.0").status == 201)
        let agent = try await registry.agent()
        let manifest = OCIClient.manifest([Self.blob, "one"])
        let (digest, blob) = (OCIClient.digest(manifest), OCIClient.digest(Self.blob))
        for client in [OCIClient(authority: agent.oci), OCIClient(authority: agent.api)] {
            try await check(
                [
                    Call("end-1", "GET /v2/", 200),
                    Call(
                        "end-3", "GET /v2/team/app/manifests/1.0", 200, has: ["docker-content-digest": digest],
                        answer: manifest),
                    Call(
                        "end-3", "HEAD /v2/team/app/manifests/\(digest)", 200,
                        has: ["content-type": OCIClient.imageType]),
                    Call(
                        "end-2", "GET /v2/team/app/blobs/\(blob)", 200, has: ["docker-content-digest": blob],
                        answer: Self.blob),
                    Call("end-2", "HEAD /v2/team/app/blobs/\(blob)", 200, has: ["content-length": "1000"]),
                    Call("a range", "GET /v2/team/app/blobs/\(blob)", ["Range: bytes=5-6"], 206, answer: "56"),
                    Call("unknown", "GET /v2/team/app/manifests/2.0", 404, "MANIFEST_UNKNOWN"),
                    Call("unknown", "GET /v2/team/app/blobs/\(Self.absent)", 404, "BLOB_UNKNOWN"),
                    Call("another name", "GET /v2/team/other/blobs/\(blob)", 404, "BLOB_UNKNOWN"),
                    Call("end-4a", "POST /v2/team/app/blobs/uploads/", 405, "UNSUPPORTED"),
                    Call("end-7", "PUT /v2/team/app/manifests/2.0", [Self.image], body: manifest, 405, "UNSUPPORTED"),
                    Call("end-9", "DELETE /v2/team/app/manifests/1.0", 405, "UNSUPPORTED"),
                    Call("end-10", "DELETE /v2/team/app/blobs/\(blob)", 405, "UNSUPPORTED"),
                    Call("a mirror for us", "GET /v2/team/app/manifests/1.0?ns=\(registry.authority)", 200),
                    Call("a mirror for others", "GET /v2/team/app/manifests/1.0?ns=docker.io", 404, "NAME_UNKNOWN"),
                ], at: client)
        }
    }
}
