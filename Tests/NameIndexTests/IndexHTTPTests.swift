import HTTPServing
import JSON
import NameIndex
import Registry
import RegistryAccess
import TestSupport
import Testing

@Suite struct `The calls of an index` {
    @Test func `a tag is put, read, listed, deleted, and remembered`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("a")
            let path = "/v1/names/team/app/tags/1.0"
            let put = try await index.put(path, "a")
            #expect(put.status == 200)
            #expect(put.head.contains("etag: \"\(blob("a"))\""))
            #expect(try await index.put(path, "a").status == 200)
            let got = try await index.curl(path)
            #expect(got.status == 200)
            #expect(
                got.json == [
                    "name": "team/app", "tag": "1.0", "digest": .string("\(blob("a"))"),
                    "updated": "2023-11-14T22:13:20Z", "mutable": false,
                ])
            #expect(try await index.curl(path, "-H", "If-None-Match: \"\(blob("a"))\"").status == 304)
            #expect(try await index.put("/v1/names/team/app/tags/2.0", "a").status == 200)
            let list = try await index.curl("/v1/names/team/app/tags?limit=1")
            #expect(list.json?["tags"]?.arrayValue?.count == 1)
            #expect(list.json?["next"] == "1.0")
            let rest = try await index.curl("/v1/names/team/app/tags?limit=1&after=1.0")
            #expect(rest.json?["tags"]?.arrayValue?.first?["tag"] == "2.0" && rest.json?["next"] == .null)
            #expect(try await index.curl("/v1/names").json == ["names": ["team/app"], "next": .null])
            #expect(try await index.curl("/v1/names/team/app/tags/2.0", "-X", "DELETE").status == 204)
            #expect(try await index.curl(path, "-X", "DELETE").status == 204)
            #expect(try await index.curl(path).status == 404)
            let history = try await index.curl(path + "/history").json?["history"]?.arrayValue
            #expect(history?.map { $0["digest"] } == [.string("\(blob("a"))"), .string("\(blob("a"))")])
            #expect(history?.first?["who"] == "tester")
            #expect(history?.first?["address"] == "127.0.0.1")
            #expect(history?.first?["action"] == "deleted" && history?.last?["action"] == "put")
            #expect(history?.first?["when"] == "2023-11-14T22:13:20Z")
            let all = try await index.curl("/v1/names/team/app/history").json?["history"]?.arrayValue ?? []
            #expect(all.count == 4 && all.filter { $0["tag"] == "1.0" } == history)
            let page = try await index.curl("/v1/names/team/app/history?limit=1").json
            let next = try await index.curl(
                "/v1/names/team/app/history?limit=9&after=\(page?["next"]?.stringValue ?? "")")
            #expect(next.json?["history"]?.arrayValue == Array(all.dropFirst()))
        }
    }

    @Test func `a change that another part of the registry forwards is remembered with the address of its client`()
        async throws
    {
        let tokens = try RegistryTokens { () throws(TokenTable.Problem) in
            try TokenTable(
                Array(
                    #"{"tokens": [{"name": "o", "role": "cluster", "secret": "part"}, {"name": "p", "role": "admin", "secret": "boss"}]}"#
                        .utf8))
        }
        try await withIndex(access: .tokens(tokens)) { index async throws in
            await index.facts.has("a")
            let proof = "Swoop-Forwarded-By: Bearer part"
            let claims = [
                ["Swoop-Client-Address: 192.0.2.7", proof], ["Swoop-Client-Address: 2001:db8::7", proof],
                // What others say counts for nothing, and neither does what is no address.
                ["Swoop-Client-Address: 192.0.2.7"],
                ["Swoop-Client-Address: 192.0.2.7", "Swoop-Forwarded-By: Bearer boss"],
                ["Swoop-Client-Address: 192.0.2.7", "Swoop-Forwarded-By: Bearer guess"],
                ["Swoop-Client-Address: somebody", proof], [proof],
            ]
            for (number, claim) in claims.enumerated() {
                let path = "/v1/names/team/app/tags/\(number)"
                let put = try await index.put(
                    path, "a", "-H", claim[0], "-H", claim.count > 1 ? claim[1] : "Accept: */*")
                #expect(put.status == 200)
                let history = try await index.curl(path + "/history").json?["history"]?.arrayValue
                let expected = number == 0 ? "192.0.2.7" : number == 1 ? "2001:db8::7" : "127.0.0.1"
                #expect(history?.first?["address"] == .string(expected), "\(claim)")
            }
        }
        // A server that nobody forwards to believes nobody.
        try await withIndex { index async throws in
            await index.facts.has("a")
            _ = try await index.put("/v1/names/app/tags/1", "a", "-H", "Swoop-Client-Address: 192.0.2.7")
            let history = try await index.curl("/v1/names/app/tags/1/history").json?["history"]?.arrayValue
            #expect(history?.first?["address"] == "127.0.0.1")
        }
    }

    @Test func `a slash of a name may be escaped`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("a", "b")
            #expect(try await index.put("/v1/names/team%2Fapp/tags/1", "a").status == 200)
            #expect(try await index.curl("/v1/names/team/app/tags/1").status == 200)
            // Names whose components are words of these paths.
            #expect(try await index.put("/v1/names/a/tags/b/tags/tags", "b").status == 200)
            #expect(try await index.curl("/v1/names/a%2Ftags%2Fb/tags/tags").json?["name"] == "a/tags/b")
            #expect(try await index.curl("/v1/names/a/tags/b/tags/tags/history").status == 200)
        }
    }

    @Test func `the texts of the contract are said, with code and advice`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("a", "b")
            for text in ["1", "2", "3", "4", "5", "6"] {
                _ = try await index.put("/v1/names/app/tags/\(text)", "a")
            }
            let taken = try await index.put("/v1/names/app/tags/1", "b")
            #expect(taken.status == 409)
            #expect(taken.head.contains("content-type: application/problem+json"))
            #expect(taken.json?["code"] == "TAG_IMMUTABLE")
            #expect(taken.json?["status"] == 409)
            #expect(taken.json?["advice"] == "choose another tag, or add a pattern to \"mutable\"")
            #expect(taken.json?["digests"] == [.string("\(blob("a"))")])
            let already =
                "app:1 is \(blob("a")) already, and tags are immutable here: choose another, or add a pattern to \"mutable\""
            #expect(taken.json?["detail"] == .string(already))
            let kraken = try await index.curl("/tags/app:1/digest/\(blob("b"))", "-X", "PUT")
            #expect(kraken.status == 409)
            #expect(kraken.text == already + "\n")
            let missing = try await index.put("/v1/names/app/tags/7", "c")
            #expect(missing.status == 400)
            #expect(missing.json?["detail"] == .string("blob \(blob("c")) is at no origin: push it again"))
            #expect(missing.json?["digests"] == [.string("\(blob("c"))")])
            let unknown = try await index.curl("/v1/names/app/tags/9")
            #expect(unknown.status == 404)
            #expect(unknown.json?["detail"] == "no tag app:9; newest: 1, 2, 3, 4, 5")
            #expect(try await index.curl("/v1/resolve/none:1").json?["detail"] == "no tag none:1")
            await index.facts.stops()
            let down = try await index.put("/v1/names/app/tags/8", "a")
            #expect(down.status == 503)
            #expect(down.head.contains("retry-after: 1"))
        }
    }

    @Test func `a change can be made to depend on what is there`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("a", "b")
            let path = "/v1/names/app/tags/latest"
            #expect(try await index.put(path, "a", "-H", "If-Match: *").status == 412)
            #expect(try await index.put(path, "a", "-H", "If-None-Match: *").status == 200)
            #expect(try await index.put(path, "b", "-H", "If-None-Match: *").status == 412)
            #expect(try await index.put(path, "b", "-H", "If-Match: \"\(blob("b"))\"").status == 412)
            #expect(try await index.put(path, "b", "-H", "If-Match: \"\(blob("a"))\"").status == 200)
            #expect(try await index.put(path, "a", "-H", "If-Match: nonsense").status == 400)
            #expect(try await index.curl(path, "-X", "DELETE", "-H", "If-Match: \"\(blob("a"))\"").status == 412)
        }
    }

    @Test func `one request tells all that a pull needs`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("config", "a", "b")
            let image = try manifest(["a", "b"])
            try await index.store.link(["config", "a", "b"].map(blob), to: name("app"), at: 1)
            let directory = try TemporaryDirectory()
            try directory.write("manifest", image.bytes)
            let put = try await index.curl(
                "/v1/names/app/tags/latest", "-X", "PUT", "-H", "Content-Type: \(image.mediaType)",
                "--data-binary", "@" + directory.path("manifest"))
            #expect(put.status == 200, "\(put.text)")
            let got = try await index.curl("/v1/resolve/app")
            #expect(got.status == 200)
            #expect(got.head.contains("etag: \"\(image.digest)\""))
            #expect(got.json?["digest"] == .string("\(image.digest)"))
            #expect(got.json?["mutable"] == true)
            let text = got.json?["manifests"]?.arrayValue?.first?["text"]?.stringValue
            #expect(text.map { Array($0.utf8) } == image.bytes)
            let blobs = got.json?["blobs"]?.arrayValue ?? []
            #expect(blobs.map { $0["digest"] } == ["config", "a", "b"].map { .string("\(blob($0))") })
            #expect(blobs.last?["infoSHA256"] == .string(blob("b").hex))
            #expect(blobs.last?["content"] == "Yg==")
            #expect(try await index.curl("/v1/resolve/app@\(image.digest)").json?["mutable"] == false)
            let again = try await index.curl("/v1/resolve/app", "-H", "If-None-Match: \"\(image.digest)\"")
            #expect(again.status == 304)
            // A blob that is at no origin now may be in the cache of the one who asks.
            await index.facts.loses("a")
            let rest = try await index.curl("/v1/resolve/app").json?["blobs"]?.arrayValue ?? []
            #expect(rest.count == 3)
            #expect(rest[1]["infoHash"] == nil)
            #expect(rest[1]["size"] == 1)
            // A tag is not put on something that is not whole.
            let missing = try await index.curl(
                "/v1/names/app/tags/2", "-X", "PUT", "-d", "{\"digest\":\"\(image.digest)\"}")
            #expect(missing.status == 400)
        }
    }

    @Test func `Kraken's clients find their paths`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("a")
            let put = try await index.curl("/tags/team%2Fapp%3A1/digest/\(blob("a"))", "-X", "PUT")
            #expect(put.status == 200)
            #expect(try await index.curl("/tags/team%2Fapp%3A1").text == "\(blob("a"))")
            #expect(try await index.curl("/tags/team/app:1").text == "\(blob("a"))")
            #expect(try await index.curl("/tags/team%2Fapp:1", "-I").status == 200)
            #expect(try await index.curl("/tags/team%2Fapp:2", "-I").status == 404)
            #expect(try await index.curl("/tags/team%2Fapp:2").status == 404)
            let tags = try await index.curl("/repositories/team%2Fapp/tags").json
            #expect(tags?["result"] == ["1"])
            #expect(tags?["size"] == 1)
            #expect(try await index.curl("/list/team").json?["result"] == ["team/app:1"])
            #expect(try await index.curl("/list/tea").json?["result"] == [])
            #expect(try await index.curl("/list").json?["result"] == ["team/app:1"])
            #expect(try await index.curl("/list/team?limit=1").json?["links"]?["next"] == "")
            _ = try await index.curl("/tags/team%2Fapp%3A2/digest/\(blob("a"))", "-X", "PUT")
            let page = try await index.curl("/list/team?limit=1").json?["links"]?["next"]?.stringValue ?? ""
            #expect(try await index.curl(page).json?["result"] == ["team/app:2"])
        }
    }

    @Test(arguments: [
        "/v1/names/../tags/1", "/v1/names/%2e%2e/tags/1", "/v1/names/a//b/tags/1", "/v1/names/a%2F%2Fb/tags/1",
        "/v1/names/a%00/tags/1", "/v1/names/%zz/tags/1", "/v1/names/a/tags/..", "/v1/names/a/tags/%2e%2e",
        "/v1/names/a/tags/b%2Fc", "/v1/names/a'--/tags/1", "/v1/names/\u{e9}/tags/1", "/v1/names/%ff/tags/1",
        "/v1/names/a/tags?limit=0", "/v1/names/a/tags?limit=x", "/v1/names/a/tags?after=..", "/v1/names?after=..",
        "/v1/names/a/tags/1/history?after=x", "/v1/resolve/..:1", "/v1/resolve/a:b:c", "/v1/resolve/a@sha512:00",
        "/tags/..:1", "/tags/a:%27%20or%201=1", "/list/../etc", "/list/%2e%2e%2fetc", "/repositories/..%2Fa/tags",
    ])
    func `what is no name, tag or digest is refused`(path: String) async throws {
        try await withIndex { index async throws in
            let answer = try await index.curl(path)
            #expect([400, 404].contains(answer.status), "\(answer.status) \(answer.text)")
            #expect(try await index.store.counts() == StoreCounts(names: 0, tags: 0, manifests: 0))
        }
    }

    @Test func `bodies are held to their limits and forms`() async throws {
        try await withIndex { index async throws in
            let path = "/v1/names/app/tags/1"
            for body in ["", "{}", "[]", "{\"digest\":7}", "{\"digest\":\"sha256:00\"}", "{\"digest\":\"../../x\"}"] {
                #expect(try await index.curl(path, "-X", "PUT", "-d", body).status == 400)
            }
            let long = String(repeating: "x", count: 5000)
            #expect(try await index.curl(path, "-X", "PUT", "-d", long).status == 413)
            let type = "Content-Type: \(Manifest.imageType)"
            let bad = try await index.curl(path, "-X", "PUT", "-H", type, "-d", "{\"schemaVersion\":1}")
            #expect(bad.json?["code"] == "MANIFEST_INVALID")
        }
    }

    @Test func `who may pull does not push, and who may push does not delete`() async throws {
        try await withIndex(role: RegistryRoles.pull) { index async throws in
            await index.facts.has("a")
            #expect(try await index.put("/v1/names/app/tags/1", "a").status == 403)
            #expect(try await index.curl("/tags/app:1/digest/\(blob("a"))", "-X", "PUT").status == 403)
            #expect(try await index.curl("/v1/names").status == 200)
        }
        try await withIndex(role: RegistryRoles.push) { index async throws in
            await index.facts.has("a")
            #expect(try await index.put("/v1/names/app/tags/1", "a").status == 200)
            #expect(try await index.curl("/v1/names/app/tags/1", "-X", "DELETE").status == 403)
            #expect(try await index.curl("/v1/collection", "-X", "POST").status == 403)
        }
    }

    @Test func `32 puts of two digests under an immutable tag: one digest wins`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("a", "b")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<32 {
                    group.addTask {
                        try await index.put("/v1/names/app/tags/1", number % 2 == 0 ? "a" : "b").status
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [200: 16, 409: 16])
            #expect(try await index.curl("/v1/names/app/tags/1/history").json?["history"]?.arrayValue?.count == 1)
        }
    }

    @Test func `a manifest that says another size of a blob, or names what is elsewhere, is refused`() async throws {
        try await withIndex { index async throws in
            await index.facts.has("config", "a", "b")
            await index.facts.says(7, of: "a")
            try await index.store.link(["config", "a"].map(blob), to: name("app"), at: 1)
            try await index.store.link([blob("b")], to: name("other"), at: 1)
            let directory = try TemporaryDirectory()
            func put(_ manifest: Manifest) async throws -> ServedIndex.Answer {
                try directory.write("manifest", manifest.bytes)
                return try await index.curl(
                    "/v1/names/app/tags/1", "-X", "PUT", "-H", "Content-Type: \(manifest.mediaType)",
                    "--data-binary", "@" + directory.path("manifest"))
            }
            let size = try await put(try manifest(["a"]))
            #expect(size.status == 400 && size.json?["code"] == "SIZE_INVALID")
            #expect(size.json?["detail"] == .string("\(blob("a")) has 7 bytes, and the manifest says 1"))
            let foreign = try await put(try manifest(["b"]))
            #expect(foreign.status == 400 && foreign.json?["code"] == "BLOB_MISSING")
            #expect(foreign.json?["digests"] == [.string("\(blob("b"))")])
            // Only those that the name has are asked for, all in one request.
            #expect(await index.facts.touched == [["config", "a"].map(blob), [blob("config")]])
        }
    }

    @Test func `a token of some names sees and tags nothing of another`() async throws {
        try await withIndex(names: "one/") { index async throws in
            await index.facts.has("a", "b")
            try await index.store.link([blob("a")], to: name("one/x"), at: 1)
            for one in ["one/x", "two/y"] {
                _ = try await index.store.put(
                    tag("1"), of: name(one), digest: blob("b"), linking: true, expecting: .anything, by: act())
            }
            for path in [
                "/v1/names/two/y/tags", "/v1/names/two%2Fy/tags/1", "/v1/names/two/y/history",
                "/v1/names/two/y/tags/1/history", "/v1/resolve/two/y:1", "/v1/resolve/two/y@\(blob("b"))",
                "/tags/two%2Fy:1", "/tags/two/y:1", "/repositories/two/y/tags",
            ] {
                let answer = try await index.curl(path)
                #expect(answer.status == 403 && answer.text.contains("this token is not for the name two/y"), "\(path)")
            }
            #expect(try await index.put("/v1/names/two/y/tags/2", "b").status == 403)
            #expect(try await index.curl("/v1/names/two/y/tags/1", "-X", "DELETE").status == 403)
            #expect(try await index.curl("/v1/names").json?["names"] == ["one/x"])
            #expect(try await index.curl("/list").json?["result"] == ["one/x:1"])
            #expect(try await index.curl("/list/two").json?["result"] == [])
            #expect(try await index.curl("/v1/collection", "-X", "POST").status == 400)
            // What its name has, it tags; what is only elsewhere is nowhere.
            #expect(try await index.put("/v1/names/one/x/tags/2", "a").status == 200)
            #expect(try await index.put("/v1/names/one/z/tags/1", "a").status == 400)
        }
    }
}
