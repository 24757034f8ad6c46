import Fleet
import FleetStore
import Hashing
import JSON
import NIOHTTP1
import Testing

@testable import Control

@Suite(.serialized) struct `The API of a control` {
    @Test func `answers nobody without a token that is in force`() async throws {
        try await TestAPI.using { api in
            #expect(try await api.get("/v1/nodes", as: "").status == 401)
            #expect(try await api.get("/healthz", as: "").status == 200)
            #expect(try await api.get("/readyz", as: "").status == 200)
            let wrong = try await api.get("/v1/nodes", as: "swa_00")
            #expect(wrong.status == 401)
            #expect(wrong.headers.first(name: "Content-Type") == "application/problem+json")
            #expect(wrong.json["request_id"]?.stringValue?.isEmpty == false)
            #expect(wrong.json["title"]?.stringValue == "Unauthorized")
            #expect(try await api.get("/v1/nodes").status == 200)
            #expect(try await api.get("/v1/nothing").status == 404)
        }
    }

    @Test func `looks at no token of an address after five wrong ones in a minute`() async throws {
        try await TestAPI.using { api in
            for _ in 0..<5 { #expect(try await api.get("/v1/nodes", as: "wrong").status == 401) }
            let spent = try await api.get("/v1/nodes")
            #expect(spent.status == 429)
            #expect(spent.headers.first(name: "Retry-After") == "12")
        }
    }

    @Test func `lets roles do what is theirs, in their classes`() async throws {
        try await TestAPI.using { api in
            let viewer = try await api.token("viewer", role: "viewer")
            let op = try await api.token("ops", role: "operator", classes: ["release"])
            #expect(try await api.get("/v1/jobs", as: viewer).status == 200)
            #expect(try await api.post("/v1/jobs", as: viewer).status == 403)
            // Whoever reads may read everything but other classes: no secret is in it.
            for path in ["/v1/tokens", "/v1/api-tokens", "/v1/audit"] {
                #expect(try await api.get(path, as: viewer).status == 200)
                #expect(try await api.get(path, as: op).status == 200)
            }
            #expect(try await api.post("/v1/tokens", as: op).status == 403)
            #expect(try await api.post("/v1/api-tokens", #"{"name":"x","role":"admin"}"#, as: op).status == 403)
            let other = try await api.post("/v1/jobs", #"{"class":"other","node":"n","path":"/x"}"#, as: op)
            #expect(other.status == 403)
            #expect(other.code == "class")
        }
    }

    @Test func `makes tokens with which hosts join`() async throws {
        try await TestAPI.using { api in
            let made = try await api.post("/v1/tokens", #"{"labels":{"site":"bj"},"ttl":"2h","uses":2}"#)
            #expect(made.status == 201)
            let token = try #require(made.json["token"]?.stringValue.flatMap { EnrolmentToken($0) })
            #expect(made.json["command"]?.stringValue?.hasPrefix("swoop agent join https://") == true)
            let agent = TestAgent("web-1", of: api.bench)
            try await agent.join(token)
            try await agent.sync(facts: true)
            let node = try await api.get("/v1/nodes/web-1")
            #expect(node.json["labels"]?["site"] == "bj")
            #expect(node.json["contact"] == "present")
            let id = token.id
            let shown = try await api.get("/v1/tokens/\(id)")
            #expect(shown.json["token"] == nil)
            #expect(shown.json["used_by"]?.arrayValue?.count == 1)
            #expect(try await api.call(.DELETE, "/v1/tokens/\(id)").status == 428)
            #expect(try await api.call(.DELETE, "/v1/tokens/\(id)", nil, [("If-Match", "\"1\"")]).status == 412)
            #expect(try await api.call(.DELETE, "/v1/tokens/\(id)", nil, [("If-Match", shown.etag)]).status == 200)
            #expect(await refusal { try await TestAgent("web-2", of: api.bench).join(token) } == "token_revoked")
            for body in [
                #"{"ttl":"31d"}"#, #"{"uses":0}"#, #"{"name":"-"}"#, #"{"labels":{"name":"x"}}"#, #"{"no":1}"#,
            ] {
                #expect(try await api.post("/v1/tokens", body).status == 422, "\(body)")
            }
            #expect(try await api.post("/v1/tokens", "{").status == 400)
        }
    }

    @Test func `shows a token for some classes nothing of other classes' jobs`() async throws {
        try await TestAPI.using { api in
            try await api.bench.defineRelease()
            try await api.bench.define("films", ["targets": #"name~"^web""#, "senders": ["node:build"]])
            let (build, web) = (try await api.bench.agent("build"), try await api.bench.agent("web-1"))
            let release = try await build.startJob()
            let film = try await build.startJob(path: "/srv/film", className: "films")
            try await web.sync()
            let ops = try await api.token("ops", role: "operator", classes: ["release"])
            let seen = try await api.get("/v1/nodes/web-1", as: ops).json["jobs"]
            #expect(seen == [.string(release)])
            #expect(try await api.get("/v1/nodes/web-1").json["jobs"]?.arrayValue?.count == 2)
            func subjects(as token: String?) async throws -> Set<String> {
                let items = try await api.get("/v1/audit?limit=1000", as: token).json["items"]?.arrayValue ?? []
                return Set(items.compactMap { $0["subject"]?.stringValue })
            }
            let all = try await subjects(as: nil)
            #expect(all.isSuperset(of: [release, film, "release", "films"]))
            let some = try await subjects(as: ops)
            #expect(some == all.subtracting([film, "films"]))
            let lines = try await api.get("/v1/audit?subject=\(film)").json["items"]?.arrayValue ?? []
            let line = try #require(lines.first?["id"]?.lenientInteger)
            #expect(try await api.get("/v1/audit/\(line)").status == 200)
            #expect(try await api.get("/v1/audit/\(line)", as: ops).status == 404)
        }
    }

    @Test func `changes with any ETag only what there is`() async throws {
        try await TestAPI.using { api in
            let text = #"{"targets":"site=bj"}"#
            #expect(try await api.call(.PUT, "/v1/classes/films", text, [("If-Match", "*")]).status == 412)
            let made = try await api.call(.PUT, "/v1/classes/films", text, [("If-None-Match", "*")])
            #expect(made.status < 300, "\(made)")
            #expect(try await api.call(.PUT, "/v1/classes/films", text, [("If-Match", "*")]).status < 300)
        }
    }

    @Test func `cancels a job that has not started only as it was seen`() async throws {
        try await TestAPI.using { api in
            try await api.bench.defineRelease()
            _ = try await api.bench.agent("build")
            _ = try await api.bench.agent("web-1")
            let made = try await api.post("/v1/jobs", #"{"class":"release","node":"build","path":"/srv/app"}"#)
            let id = try #require(made.json["id"]?.stringValue)
            #expect(try await api.call(.POST, "/v1/jobs/\(id)/cancel", "{}", [("If-Match", "\"1\"")]).status == 412)
            let cancelled = try await api.call(.POST, "/v1/jobs/\(id)/cancel", "{}", [("If-Match", made.etag)])
            #expect(cancelled.json["state"] == "cancelled", "\(cancelled)")
        }
    }

    @Test func `keeps the secrets of tokens out of its database`() async throws {
        try await TestAPI.using { api in
            let made = try await api.post("/v1/tokens", "{}", key: "k-1")
            let again = try await api.post("/v1/tokens", "{}", key: "k-1")
            #expect(again.json["token"] == made.json["token"])
            #expect(again.etag == made.etag)
            #expect(again.status == 201)
            let other = try await api.post("/v1/tokens", #"{"uses":2}"#, key: "k-1")
            #expect(other.status == 422)
            #expect(other.code == "idempotency_key")
            #expect(try await api.get("/v1/tokens").json["items"]?.arrayValue?.count == 1)
        }
    }

    @Test func `says of a call with a key that its control died in the middle of it`() async throws {
        try await TestAPI.using { api in
            let (store, now) = (api.bench.core.store, api.bench.core.now())
            let key = SHA256.digest(Array("token:admin\u{0}k-2".utf8)).hex
            _ = try await store.begin(key, SHA256.digest(Array("POST /v1/tokens\u{0}{}".utf8)), at: now)
            let lost = try await api.post("/v1/tokens", "{}", key: "k-2")
            #expect(lost.status == 409 && lost.code == "interrupted", "\(lost)")
            #expect(try await api.post("/v1/tokens", "{}", key: "k-3").status == 201)
        }
    }

    @Test func `refuses a class that says more to targets than an offer holds`() async throws {
        try await TestAPI.using { api in
            let words = (0..<16).map { _ in "\"" + String(repeating: "x", count: 200) + "\"" }.joined(separator: ",")
            let text = #"{"name":"big","targets":"name = \"w\"","dest":"d","hook":{"name":"h","args":[\#(words)]}}"#
            let refused = try await api.call(.PUT, "/v1/classes/big", text, [("If-None-Match", "*")])
            #expect(refused.status == 422 && refused.code == "class_invalid", "\(refused)")
        }
    }

    @Test func `changes nodes as admins say, by their ETag`() async throws {
        try await TestAPI.using { api in
            let agent = try await api.bench.agent("web-1")
            _ = try await api.bench.agent("web-2")
            let node = try await api.get("/v1/nodes/web-1")
            let path = "/v1/nodes/\(agent.id)"
            #expect(try await api.call(.PATCH, path, "{}").status == 428)
            #expect(try await api.call(.PATCH, path, #"{"name":"web-2"}"#, [("If-Match", node.etag)]).code == "taken")
            let named = try await api.call(
                .PATCH, path, #"{"name":"www","labels":{"tier":"edge"}}"#, [("If-Match", node.etag)])
            #expect(named.status == 200)
            #expect(named.json["name"] == "www")
            #expect(try await api.call(.PATCH, path, #"{"name":"x"}"#, [("If-Match", node.etag)]).status == 412)
            #expect(try await api.get("/v1/nodes?select=tier%3Dedge").json["total"] == 1)
            #expect(try await api.get("/v1/nodes?select=tier%3D").status == 400)
            #expect(try await api.get("/v1/nodes?state=away").json["total"] == 0)
            #expect(try await api.get("/v1/nodes?state=x").status == 400)
            #expect(try await api.get("/v1/nodes?limit=0").status == 400)
            let revoked = try await api.call(.PATCH, path, #"{"state":"revoked"}"#, [("If-Match", named.etag)])
            #expect(revoked.json["state"] == "revoked")
            #expect(await refusal { try await agent.sync() } == "revoked")
            let back = try await api.call(.PATCH, path, #"{"state":"active"}"#, [("If-Match", "*")])
            #expect(back.status == 409)
            #expect(try await api.call(.DELETE, path, nil, [("If-Match", revoked.etag)]).status == 200)
            #expect(try await api.get(path).status == 404)
            let lines = try await api.get("/v1/audit?subject=\(agent.id)").json["items"]?.arrayValue ?? []
            #expect(
                lines.compactMap { $0["action"]?.stringValue } == [
                    "node.remove", "node.revoke", "node.rename", "node.join",
                ])
        }
    }

    @Test func `says what to do in every refusal`() async throws {
        try await TestAPI.using { api in
            for path in ["/v1/nodes?limit=0", "/v1/nodes/none", "/v1/nothing", "/v1/jobs?state=x"] {
                let refused = try await api.get(path)
                #expect(refused.json["advice"]?.stringValue?.isEmpty == false, "\(path)")
            }
            let refused = try await api.post("/v1/tokens", "[]")
            #expect(refused.json["advice"]?.stringValue?.isEmpty == false)
        }
    }

    @Test func `answers HEAD as GET, and refuses other methods with those that there are`() async throws {
        try await TestAPI.using { api in
            let wrong = try await api.call(.POST, "/v1/nodes", "{}")
            #expect(wrong.status == 405)
            #expect(wrong.code == "method")
            #expect(wrong.headers.first(name: "Allow") == "GET, HEAD")
            let job = try await api.call(.DELETE, "/v1/jobs/some")
            #expect(job.status == 405)
            #expect(
                try await api.call(.PUT, "/v1/classes/x/versions", "{}").headers.first(name: "Allow") == "GET, HEAD")
            let head = try await api.call(.HEAD, "/v1/nodes")
            #expect(head.status == 200 && head.text.isEmpty)
            #expect(try await api.call(.HEAD, "/v1/events").status == 405)
            #expect(try await api.call(.HEAD, "/healthz", as: "").status == 200)
        }
    }

    @Test func `forgets an ephemeral node that joined and never came`() async throws {
        try await TestAPI.using { api in
            for (name, body) in [("ci", #"{"ephemeral":true}"#), ("web-1", "{}")] {
                let made = try await api.post("/v1/tokens", body)
                let token = try #require(made.json["token"]?.stringValue.flatMap { EnrolmentToken($0) })
                try await TestAgent(name, of: api.bench).join(token)
            }
            await api.bench.core.tick()
            #expect(try await api.bench.core.store.nodes().map(\.name).sorted() == ["ci", "web-1"])
            api.bench.clock.pass(2 * 3600)
            await api.bench.core.tick()
            #expect(try await api.bench.core.store.nodes().map(\.name) == ["web-1"])
        }
    }

    @Test func `leaves labels under host to the host`() async throws {
        try await TestAPI.using { api in
            _ = try await api.bench.agent("web-1")
            let body = #"{"labels":{"host/tier":"edge"}}"#
            #expect(try await api.post("/v1/tokens", body).status == 422)
            #expect(try await api.call(.PATCH, "/v1/nodes/web-1", body, [("If-Match", "*")]).status == 422)
        }
    }

    @Test func `writes times in the audit as everywhere`() async throws {
        try await TestAPI.using { api in
            _ = try await api.post("/v1/tokens")
            let line = try await api.get("/v1/audit?action=token.create").json["items"]?.arrayValue?.first
            #expect(line?["change"]?["expires"]?.stringValue?.hasSuffix("Z") == true)
            let id = try #require(line?["id"]?.lenientInteger)
            let one = try await api.get("/v1/audit/\(id)")
            #expect(one.json == line && !one.etag.isEmpty)
            for unknown in ["0", "999999", "x"] { #expect(try await api.get("/v1/audit/\(unknown)").status == 404) }
        }
    }

    @Test func `lists nodes in pages`() async throws {
        try await TestAPI.using { api in
            for number in 1...7 { _ = try await api.bench.agent("web-\(number)") }
            var names: [String] = []
            var after = ""
            repeat {
                let page = try await api.get("/v1/nodes?limit=3" + (after.isEmpty ? "" : "&after=\(after)"))
                names += (page.json["items"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
                after = page.json["next"]?.stringValue ?? ""
            } while !after.isEmpty
            #expect(names == (1...7).map { "web-\($0)" })
            #expect(try await api.get("/v1/nodes?after=zz").status == 400)
        }
    }

    @Test func `keeps every version of a class, and says what is wrong with one`() async throws {
        try await TestAPI.using { api in
            let path = "/v1/classes/release"
            let yaml = "name: release\ntargets: site=bj\nwaves: [1, 100%]\n"
            let type = ("Content-Type", "application/yaml")
            #expect(try await api.call(.PUT, path, yaml, [type]).status == 428)
            let made = try await api.call(.PUT, path, yaml, [type, ("If-None-Match", "*")])
            #expect(made.status == 201)
            #expect(try await api.call(.PUT, path, yaml, [type, ("If-None-Match", "*")]).status == 412)
            let wrong = try await api.call(.PUT, path, "targets: a\nwaves: [0]\n", [type, ("If-Match", made.etag)])
            #expect(wrong.status == 422)
            #expect(wrong.json["key"]?.stringValue?.hasPrefix("waves") == true)
            #expect(wrong.json["line"] == 2)
            let unknown = try await api.call(
                .PUT, path, "targets: a\n\npubish: each\n", [type, ("If-Match", made.etag)])
            #expect(unknown.json["key"] == "pubish")
            #expect(unknown.json["line"] == 3)
            let json = try await api.call(
                .PUT, path, "{\n \"targets\": \"a\",\n \"keep\": 0}", [("If-Match", made.etag)])
            #expect(json.json["line"] == 3)
            let next = try await api.call(.PUT, path, #"{"targets":"site=sh"}"#, [("If-Match", made.etag)])
            #expect(next.json["version"] == 2)
            #expect(try await api.get("\(path)?version=1").json["definition"]?["targets"] == "site=bj")
            #expect(try await api.get("\(path)/versions").json["items"]?.arrayValue?.count == 2)
            let reverted = try await api.post("\(path)/revert", #"{"version":1}"#)
            #expect(reverted.json["version"] == 3)
            #expect(try await api.call(.DELETE, path, nil, [("If-Match", reverted.etag)]).status == 200)
            #expect(try await api.get(path).status == 404)
            #expect(try await api.get("/v1/classes").json["items"]?.arrayValue?.isEmpty == true)
        }
    }

    @Test func `has a node send, and steers the job`() async throws {
        try await TestAPI.using { api in
            try await api.bench.defineRelease(["publish": "versions"])
            let build = try await api.bench.agent("build")
            let web = try await api.bench.agent("web-1")
            let order = #"{"class":"release","node":"build","path":"/srv/app"#
            let dry = try await api.post("/v1/jobs", order + #"","dry_run":true}"#)
            #expect(dry.json["targets"] == 1)
            #expect(try await api.post("/v1/jobs", order + #"","to":["site=no"]}"#).code == "no_targets")
            let made = try await api.post("/v1/jobs", order + #""}"#)
            #expect(made.status == 201)
            let id = try #require(made.json["id"]?.stringValue)
            #expect(made.json["state"] == "planned")
            guard case .send(let sent)? = try await build.sync().commands.first?.action else {
                Issue.record("the sender was not told")
                return
            }
            #expect(sent.job == id)
            let plan = try await api.bench.core.agents.plan(sent, dryRun: false, by: build.caller)
            #expect(plan.job == id)
            try await api.bench.core.agents.keep(metainfo: SampleTorrent.bytes, of: id, by: build.caller)
            let key = try await api.bench.core.agents.key(for: id, KeyRequest(content: .sample), by: build.caller)
            _ = try await api.bench.core.agents.start(id, build.start(key), by: build.caller)
            let path = "/v1/jobs/\(id)"
            #expect(try await api.get(path).json["state"] == "running")
            #expect(try await api.post("\(path)/pause").json["state"] == "paused")
            #expect(try await api.post("\(path)/pause").status == 409)
            #expect(try await api.post("\(path)/resume").json["state"] == "running")
            #expect(try await api.post("\(path)/retry").status == 409)
            let sources = BytesBySource(site: 3, peers: 2, others: 1)
            try await web.sync([(id, .delivered), (id, .done)], receipt: "a.b.c", sources: sources)
            #expect(try await api.get(path).json["state"] == "done")
            let targets = try await api.get("\(path)/targets")
            let target = targets.json["items"]?.arrayValue?.first
            #expect(target?["state"] == "done")
            // No figures came, and the job is over.
            #expect(
                target?["from_site"] == 3 && target?["from_peers"] == 2 && target?["from_sources"] == 1, "\(targets)")
            #expect(try await api.get("\(path)/receipts").json["items"]?.arrayValue?.first?["receipt"] == "a.b.c")
            #expect(try await api.post("\(path)/cancel").status == 409)
            #expect(try await api.get("/v1/jobs?state=done").json["items"]?.arrayValue?.count == 1)
            #expect(try await api.get("/v1/jobs?state=x").status == 400)
            #expect(try await api.get("/v1/jobs?sort=created").json["items"]?.arrayValue?.count == 1)
            for query in ["state=x", "sort=x"] { #expect(try await api.get("\(path)/targets?\(query)").status == 400) }
            #expect(try await api.get("\(path)/targets?sort=name&state=done").json["total"] == 1)
            #expect(try await api.get("/v1/jobs?sort=x").status == 400)
            #expect(try await api.get("/v1/jobs/no").status == 404)
            // There is nothing before it.
            #expect(try await api.post("\(path)/rollback").code == "no_version")
        }
    }

    @Test func `tells a sender its order again until the job has started`() async throws {
        try await TestAPI.using { api in
            let core = api.bench.core
            try await api.bench.defineRelease()
            let build = try await api.bench.agent("build")
            _ = try await api.bench.agent("web-1")
            let made = try await api.post("/v1/jobs", #"{"class":"release","node":"build","path":"/srv/app"}"#)
            let id = try #require(made.json["id"]?.stringValue)
            await core.changes.follow()
            #expect(try await build.sync().actions == ["send"])
            #expect(try await build.sync().actions.isEmpty)
            // Its agent starts again, and has not begun.
            #expect(try await build.sync(facts: true).actions == ["send"])
            let order = SendOrder(className: "release", path: "/srv/app", job: id)
            _ = try await core.agents.plan(order, dryRun: false, by: build.caller)
            await core.changes.follow()
            build.forgetTaken()
            #expect(try await build.sync(facts: true).actions == ["send"])
            try await core.agents.keep(metainfo: SampleTorrent.bytes, of: id, by: build.caller)
            let key = try await core.agents.key(for: id, KeyRequest(content: .sample), by: build.caller)
            _ = try await core.agents.start(id, build.start(key), by: build.caller)
            build.forgetTaken()
            #expect(try await build.sync(facts: true).actions.isEmpty)
        }
    }

    @Test func `tells what changes, from where a client left off`() async throws {
        try await TestAPI.using { api in
            let before = try await api.bench.core.store.lastChange()
            let agent = try await api.bench.agent("web-1")
            await api.bench.core.changes.follow()
            let events = try #require(api.bench.core.feed.events(after: before))
            #expect(events.contains { $0.kind == "node" && $0.subject == agent.id.description })
            #expect(events.map(\.id) == events.map(\.id).sorted())
            #expect(api.bench.core.feed.events(after: -1) == nil)
        }
    }

    @Test func `bounds what a token asks, and what a body has`() async throws {
        try await TestAPI.using { api in
            let large = String(repeating: " ", count: (1 << 20) + 1)
            #expect(try await api.post("/v1/tokens", large).status == 413)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<160 { group.addTask { try await api.get("/v1/classes").status } }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.contains(200))
            #expect(statuses.allSatisfy { $0 == 200 || $0 == 429 })
        }
    }

    @Test func `describes itself, and shows numbers`() async throws {
        try await TestAPI.using { api in
            _ = try await api.bench.agent("web-1")
            let description = try await api.get("/openapi.json", as: "")
            #expect(description.json["openapi"] == "3.1.0")
            #expect(description.json["paths"]?["/v1/jobs/{id}/targets"]?["get"] != nil)
            let metrics = try await api.get("/metrics")
            #expect(metrics.text.contains("swoop_control_nodes_present 1"))
            #expect(try await api.get("/sd").json.arrayValue?.first?["labels"]?["node"] == "web-1")
        }
    }
}
