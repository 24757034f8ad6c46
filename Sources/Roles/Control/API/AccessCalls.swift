import Fleet
import FleetStore
import Hashing
import JSON
import Text

/// The routes of join tokens, API tokens and the audit log.
enum AccessCalls {
    static func tokens(_ call: APICall) async throws(APIProblem) -> APIReply {
        let limit = try call.limit()
        let page = try await call.stored { [after = try call.after()] () throws(StoreError) in
            try await call.core.store.tokens(after: after, limit: limit + 1)
        }
        let now = call.core.now()
        return .list(
            page.prefix(limit).map { Documents.token($0, at: now) },
            next: page.count > limit ? page[limit - 1].grant.id : nil)
    }

    static func token(_ call: APICall) async throws(APIProblem) -> APIReply {
        let id = try call.path("id")
        guard let token = try await call.stored({ () throws(StoreError) in try await call.core.store.token(id) }) else {
            throw .unknown("token", id)
        }
        return APIReply(Documents.token(token, at: call.core.now()), revision: token.revision)
    }

    static func createToken(_ call: APICall) async throws(APIProblem) -> APIReply {
        let members = try call.members(["uses", "ttl", "name", "labels", "approve", "ephemeral"])
        let now = call.core.now()
        var labels = Labels()
        let pairs = try members.labels("labels")
        do throws(LabelProblem) { for (key, value) in pairs { try labels.set(key, value ?? "") } } catch {
            throw APIProblem(error)
        }
        let name = try members.text("name", most: 63)
        if let name, !LabelKey.isValid(name) || name.contains("/") {
            throw .invalid("name", "is 1 to 63 letters, digits and ._-, and starts with a letter or digit")
        }
        let uses = try members.number("uses", in: 1...1_000_000) ?? 1
        if name != nil, uses > 1 { throw .invalid("uses", "is 1 where the token is for one name") }
        guard let token = EnrolmentToken(random: RandomBytes.make(40), pin: call.core.authority.pin) else {
            throw APIProblem(500, "random", "no token could be made")
        }
        let record = TokenRecord(
            grant: EnrolmentGrant(
                id: token.id, secretDigest: token.secretDigest,
                expires: now + (try members.duration("ttl", most: EnrolmentGrant.longestLife) ?? 3600),
                uses: Int(uses), name: name, labels: labels, needsApproval: try members.flag("approve") ?? false,
                isEphemeral: try members.flag("ephemeral") ?? false),
            who: call.act.who, made: now)
        let kept = try await call.stored { () throws(StoreError) in try await call.core.store.add(record, by: call.act)
        }
        var object = Documents.token(kept, at: now).objectValue ?? JSONObject()
        object["token"] = .string(token.text.value)
        object["command"] = .string(call.core.cluster.joinCommand(token, name: name))
        return APIReply(.object(object), status: 201, revision: kept.revision, location: "/v1/tokens/\(token.id)")
    }

    static func revokeToken(_ call: APICall) async throws(APIProblem) -> APIReply {
        let id = try call.path("id")
        let expecting = try call.ifMatch()
        let outcome = try await call.stored { () throws(StoreError) in
            try await call.core.store.revokeToken(id, expecting: expecting, by: call.act)
        }
        let token = try call.value(of: outcome, "token", id)
        return APIReply(Documents.token(token, at: call.core.now()), revision: token.revision)
    }

    // MARK: API tokens

    static func apiTokens(_ call: APICall) async throws(APIProblem) -> APIReply {
        let (limit, after) = (try call.limit(), try call.after() ?? "")
        let tokens = try await call.stored { () throws(StoreError) in try await call.core.store.apiTokens() }
        let page = tokens.filter { $0.id > after }.sorted { $0.id < $1.id }
        return .list(
            page.prefix(limit).map(Documents.apiToken), next: page.count > limit ? page[limit - 1].id : nil)
    }

    static func apiToken(_ call: APICall) async throws(APIProblem) -> APIReply {
        let id = try call.path("id")
        let tokens = try await call.stored { () throws(StoreError) in try await call.core.store.apiTokens() }
        guard let token = tokens.first(where: { $0.id == id || $0.name == id }) else { throw .unknown("API token", id) }
        return APIReply(Documents.apiToken(token), revision: token.revision)
    }

    static func createAPIToken(_ call: APICall) async throws(APIProblem) -> APIReply {
        let members = try call.members(["name", "role", "classes", "ttl"])
        let name = try members.needed("name", most: 63)
        guard LabelKey.isValid(name) else { throw .invalid("name", "is 1 to 63 letters, digits and ._/-") }
        let role = try members.text("role") ?? "viewer"
        guard FleetRoles.named(role) != nil else { throw .invalid("role", "is viewer, operator or admin") }
        let ttl = try members.duration("ttl", most: 10 * 366 * 86_400) ?? 90 * 86_400
        let (record, secret) = APITokenRecord.make(
            name: name, role: role, classes: try members.texts("classes", most: 1000, bytes: 63), ttl: ttl,
            by: call.act)
        let outcome = try await call.stored { () throws(StoreError) in
            try await call.core.store.add(record, by: call.act)
        }
        let kept = try call.value(of: outcome, "API token", name)
        try await call.stored { () throws(StoreError) in try await call.core.access.load(call.core.store) }
        var object = Documents.apiToken(kept).objectValue ?? JSONObject()
        object["token"] = .string(secret.value)
        return APIReply(.object(object), status: 201, revision: kept.revision, location: "/v1/api-tokens/\(kept.id)")
    }

    static func removeAPIToken(_ call: APICall) async throws(APIProblem) -> APIReply {
        let id = try call.path("id")
        let expecting = try call.ifMatch()
        let outcome = try await call.stored { () throws(StoreError) in
            try await call.core.store.removeAPIToken(id, expecting: expecting, by: call.act)
        }
        let token = try call.value(of: outcome, "API token", id)
        try await call.stored { () throws(StoreError) in try await call.core.access.load(call.core.store) }
        return APIReply(Documents.apiToken(token))
    }

    // MARK: Audit

    static func auditLine(_ call: APICall) async throws(APIProblem) -> APIReply {
        let text = try call.path("id")
        guard let id = Int64(text), id > 0, id < .max else { throw .unknown("line of the audit", text) }
        let line = try await call.stored { () throws(StoreError) in
            try await call.core.store.audit(before: id + 1, limit: 1).first
        }
        guard let line, line.id == id, try await sees(line, call) else { throw .unknown("line of the audit", text) }
        return APIReply(Documents.audit(line), revision: line.id)
    }

    static func audit(_ call: APICall) async throws(APIProblem) -> APIReply {
        let limit = try call.limit()
        let before = try call.after().map { text throws(APIProblem) in
            guard let id = Int64(text) else {
                throw APIProblem(400, "after", "'after' is what the page before has as its 'next'")
            }
            return id
        }
        var lines: [AuditRecord] = []
        var from = before
        while lines.count <= limit {
            let page = try await call.stored { [from] () throws(StoreError) in
                try await call.core.store.audit(
                    before: from, limit: limit + 1, subject: call.query("subject"), action: call.query("action"))
            }
            for line in page where try await sees(line, call) { lines.append(line) }
            guard page.count > limit else { break }
            from = page.last?.id
        }
        return .list(
            lines.prefix(limit).map(Documents.audit), next: lines.count > limit ? "\(lines[limit - 1].id)" : nil)
    }

    /// Whether the caller may see a line: one that is for some classes sees nothing of others, and of their jobs.
    private static func sees(_ line: AuditRecord, _ call: APICall) async throws(APIProblem) -> Bool {
        guard call.context.caller?.scope != nil else { return true }
        if line.action.hasPrefix("class.") { return call.context.sees(line.subject) }
        guard line.action.hasPrefix("job.") else { return true }
        if let known = call.core.jobs.facts(of: line.subject) { return call.context.sees(known.record.className) }
        let job = try await call.stored { () throws(StoreError) in try await call.core.store.job(line.subject) }
        return job.map { call.context.sees($0.className) } ?? false
    }
}

extension APITokenRecord {
    /// A new token, and its secret.
    package static func make(
        name: String, role: String, classes: [String], ttl: Double, by act: Act
    ) -> (APITokenRecord, Secret) {
        let secret = Secret(APIAccess.prefix + Hexadecimal.encode(RandomBytes.make(32)))
        let record = APITokenRecord(
            id: "t-" + Hexadecimal.encode(RandomBytes.make(6)), name: name,
            digest: SHA256.digest(Array(secret.value.utf8)),
            role: role, classes: classes, expires: act.at + ttl, who: act.who, made: act.at)
        return (record, secret)
    }
}
