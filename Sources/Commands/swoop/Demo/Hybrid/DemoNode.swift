import Glibc

/// A delivery node of a demo: its process and its directories.
struct DemoNode: Sendable {
    static let subdirectory = "demo-1"

    let name: String
    let process: DemoProcess
    let client: NodeClient
    /// The node's BASE (`basedatapath`) and DATA (`datapath`).
    let base: String
    let data: String

    /// Settings of a node other than its paths.
    struct Settings: Sendable {
        var role: String
        var shares: String
        var announce: String
        var store: DemoStore?
        /// Rate limit of each source in bytes per second; nil for no limit.
        var rate: Int?
    }

    /// Returns when the node responds.
    /// - Parameter start: starts one of our own commands.
    static func start(
        _ name: String, in directory: String, settings: Settings,
        start: (_ name: String, _ arguments: [String]) throws -> DemoProcess
    ) async throws -> DemoNode {
        let file = "\(directory)/config.json"
        try writePrivate(configuration(directory, settings, address: nil).text, to: file)
        let process = try start(name, ["node", "--config", file])
        let said = try await process.first("listening")
        guard let api = said.api else { throw process.failure("it does not say where it listens") }
        let client = try NodeClient("http://\(api)", token: nil)
        // The node's own URLs are known only now.
        if let www = said.www, !www.isEmpty {
            try writePrivate(configuration(directory, settings, address: "http://\(www)").text, to: file)
            let reply = ReplyValue.parse(try await client.get("/reloadconf"))?.text ?? ""
            guard reply.hasSuffix("ok.") else { throw process.failure(reply) }
        }
        return DemoNode(
            name: name, process: process, client: client, base: "\(directory)/dcp", data: "\(directory)/data")
    }

    private static func configuration(_ directory: String, _ settings: Settings, address: String?) -> JSONValue {
        var keys: [(String, JSONValue)] = [
            ("servertype", .string(settings.role)), ("machinetype", .string("local")),
            ("datasource", .string("local")), ("basedatapath", .string("\(directory)/dcp")),
            ("datapath", .string("\(directory)/data")), ("hashtable", .string("\(directory)/hashtable.txt")),
            ("taskroots", .array([.string(directory)])), ("basesubdir", .string(subdirectory)),
            ("bt-obs-cdn", .string(settings.shares)), ("tracker", .string(settings.announce)),
            ("listen", .string("127.0.0.1:0")), ("btlisten", .string("127.0.0.1:0")),
        ]
        if settings.role == "sender" { keys.append(("www", .string("127.0.0.1:0"))) }
        if let address { keys += [("senderdomain", .string(address)), ("cdnurl", .string(address))] }
        if let store = settings.store {
            keys += [
                ("obsendpoint", .string(store.endpoint)), ("obsak", .string(store.accessKey)),
                ("obssk", .string(store.secretKey)),
            ]
        }
        if let rate = settings.rate {
            keys += ["bt", "obs", "cdn"].map { ("\($0)limit", .string("\(rate)")) }
        }
        return .object(keys)
    }

    /// Writes a file that only this user can read, because it contains keys.
    static func writePrivate(_ text: String, to path: String) throws {
        try TorrentFile.write(Array((text + "\n").utf8), to: path, mode: 0o600)
    }
}
