import FoundationEssentials

/// The fields of a command's JSON line that a demo uses.
struct DemoLine: Decodable, Sendable {
    struct Sources: Decodable, Sendable {
        var peers: Int?
        /// Web seeds, in the progress of a download.
        var web: Int?
        /// Origins, in the progress of a pull.
        var origins: Int?
    }

    let event: String
    var done: Int?
    var total: Int?
    var down: Int?
    var up: Int?
    var eta: Int?
    var sources: Sources?
    var phase: String?
    var http: String?
    var api: String?
    var registry: String?
    /// Address for agents at control, and the file with a token for control's API.
    var agents: String?
    var tokenFile: String?
    var digest: String?
    var www: String?
    var path: String?
    var infoHash: String?
    var bytes: Int?
    var message: String?

    enum CodingKeys: String, CodingKey {
        case event, done, total, down, up, eta, sources, phase, http, api, registry, digest, www, path, bytes, message
        case agents
        case infoHash = "info_hash"
        case tokenFile = "token_file"
    }

    static func parse(_ line: some Collection<UInt8>) -> DemoLine? {
        try? JSONDecoder().decode(DemoLine.self, from: Data(line))
    }

    var progress: Progress {
        Progress(
            phase: phase ?? "", done: done ?? 0, total: total ?? 0, down: down ?? 0, up: up ?? 0, eta: eta,
            peers: sources?.peers ?? 0, webSources: sources?.web ?? 0)
    }
}
