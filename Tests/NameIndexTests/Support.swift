import Address
import Admission
import HTTPServing
import Hashing
import Hummingbird
import JSON
import Logging
import NameIndex
import Registry
import RegistryAccess
import TestSupport

/// Origins that have what the test says.
actor ScriptedFacts: BlobFacts {
    private var contents: [BlobDigest: [UInt8]] = [:]
    private var isUp = true
    /// Sizes that are not those of the contents.
    private var said: [BlobDigest: Int64] = [:]
    private(set) var touched: [[BlobDigest]] = []

    func says(_ size: Int64, of text: String) { said[blob(text)] = size }
    func has(_ texts: String...) { for text in texts { contents[blob(text)] = Array(text.utf8) } }
    func loses(_ text: String) { contents[blob(text)] = nil }
    func stops() { isUp = false }

    func facts(
        of digests: [BlobDigest], under name: ContentName, contents most: Int
    ) throws(BlobFactsError) -> [BlobDigest: BlobFact] {
        guard isUp else { throw BlobFactsError(.unavailable, "no origin answers") }
        var facts: [BlobDigest: BlobFact] = [:]
        for digest in digests {
            guard let bytes = contents[digest] else { continue }
            facts[digest] = BlobFact(
                size: Int64(bytes.count), infoHash: SHA1.digest(bytes), infoSHA256: digest.sha256,
                content: most > 0 ? bytes : nil)
        }
        return facts
    }

    func touch(
        _ digests: [BlobDigest], under name: ContentName, joining: Bool
    ) throws(BlobFactsError) -> [BlobDigest: Int64] {
        guard isUp else { throw BlobFactsError(.unavailable, "no origin answers") }
        touched.append(digests)
        return digests.reduce(into: [:]) { sizes, digest in
            sizes[digest] = contents[digest].map { said[digest] ?? Int64($0.count) }
        }
    }
}

/// An index on a free port of loopback.
struct ServedIndex {
    let server: HTTPService
    let store: any TagStore
    let facts: ScriptedFacts

    struct Answer {
        let status: Int
        let head: String
        let text: String

        var json: JSONValue? { try? JSONValue.parse(Array(text.utf8)) }
    }

    /// What curl gets; the path goes out as it is.
    func curl(_ path: String, _ options: String...) async throws -> Answer {
        let words = ["curl", "-s", "-i", "-m", "10", "--path-as-is"]
        let command = try await Command.ending(
            words + options + ["http://127.0.0.1:\(server.address.port)\(path)"])
        let text = command.output
        let cut = text.firstRange(of: "\r\n\r\n")
        let head = cut.map { String(text[..<$0.lowerBound]) } ?? text
        return Answer(
            status: head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0, head: head.lowercased(),
            text: cut.map { String(text[$0.upperBound...]) } ?? "")
    }

    func put(_ path: String, _ content: String, _ options: String...) async throws -> Answer {
        let words = ["curl", "-s", "-i", "-m", "10", "-X", "PUT", "-d", "{\"digest\":\"\(blob(content))\"}"]
        let command = try await Command.ending(
            words + options + ["http://127.0.0.1:\(server.address.port)\(path)"])
        let parts = command.output.components("\r\n\r\n")
        return Answer(
            status: parts.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0,
            head: (parts.first ?? "").lowercased(), text: parts.last ?? "")
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        guard let cut = firstRange(of: separator) else { return [self] }
        return [String(self[..<cut.lowerBound]), String(self[cut.upperBound...])]
    }
}

/// Everybody is an administrator of the registry.
private struct Everybody: Authenticator {
    let role: Role
    let names: String?
    func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) -> Authentication {
        let scope = names.map { names in CallerScope(patterns: [names]) { $0.hasPrefix(names) } }
        return .caller(Caller(name: "tester", role: role, scope: scope))
    }
}

func withIndex(
    role: Role = RegistryRoles.admin, names: String? = nil, access: RegistryAccess? = nil,
    isolation: isolated (any Actor)? = #isolation,
    _ body: (ServedIndex) async throws -> Void
) async throws {
    let directory = try TemporaryDirectory(inMemory: true)
    let rules = try TagRules()
    let store = try await SQLiteTagStore.open(directory.path("index.db"), rules: rules)
    let facts = ScriptedFacts()
    let api = IndexAPI(
        IndexService(store: store, facts: facts), limits: HTTPLimits(),
        counters: RequestCounters(name: "requests"), access: access, now: { 1_700_000_000_123 })
    let table = RouteTable(
        title: "Index", description: "An index.", tokenText: "any", schemas: [:], parameters: [:], routes: api.routes)
    let refuse: RefusalAnswer = { _, status, text in .text(text, status: status) }
    let address = ListenAddress(host: "127.0.0.1", port: 0)
    let router = Router(context: ServiceContext.self)
    router.add(
        middleware: AccessMiddleware(
            RequestGuard(address: address), Everybody(role: role, names: names), setting: "token",
            open: table.openPaths,
            refuse: refuse))
    table.add(to: router, refuse: refuse)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let server = try await HTTPService.start(
        router.buildResponder(), at: address, admission: Admission(), door: .api, limits: HTTPLimits(), logger: logger)
    do { try await body(ServedIndex(server: server, store: store, facts: facts)) } catch {
        await server.stop()
        await store.close()
        throw error
    }
    await server.stop()
    await store.close()
}
