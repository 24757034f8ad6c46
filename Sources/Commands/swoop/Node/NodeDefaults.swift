import FoundationEssentials
import Glibc

/// Address and paths of the node on this machine, from its configuration. Values that are missing or not readable have
/// the node's own defaults.
struct NodeDefaults: Sendable, Equatable {
    static let path = "/etc/bft2/config.json"

    var base = "/data/dcp"
    var data = "/data"
    var subdirectory: String?
    var listen = "127.0.0.1:8191"
    var token: String?

    private struct Keys: Decodable {
        var basedatapath: String?
        var datapath: String?
        var basesubdir: String?
        var listen: String?
        var apitoken: String?
    }

    /// - Parameter path: a file that must be readable; nil for the usual path, where the file may be missing.
    static func read(_ path: String?) throws -> NodeDefaults {
        let file = path ?? Self.path
        if path == nil, access(file, R_OK) != 0 { return NodeDefaults() }
        do {
            return try parse(try TorrentFile.bytes(of: file))
        } catch let failure as Failure where path == nil {
            _ = failure
            return NodeDefaults()
        }
    }

    static func parse(_ bytes: [UInt8]) throws -> NodeDefaults {
        guard let keys = try? JSONDecoder().decode(Keys.self, from: Data(bytes)) else {
            throw Failure(.usage, "the node's configuration is not JSON", advice: "'swoop node --check' says where.")
        }
        var defaults = NodeDefaults()
        if let base = keys.basedatapath, !base.isEmpty { defaults.base = base }
        if let data = keys.datapath, !data.isEmpty { defaults.data = data }
        if let name = keys.basesubdir, !name.isEmpty { defaults.subdirectory = name }
        if let listen = keys.listen, !listen.isEmpty { defaults.listen = reachable(listen) }
        if let token = keys.apitoken, !token.isEmpty { defaults.token = token }
        return defaults
    }

    /// The address to connect to, for a listening address.
    private static func reachable(_ listen: String) -> String {
        for wildcard in ["0.0.0.0:", "[::]:", ":"] where listen.hasPrefix(wildcard) {
            return "127.0.0.1:" + listen.dropFirst(wildcard.count)
        }
        return listen
    }
}
