import Delivery
import JSON

/// The node's configuration from its file.
enum NodeConfigurationFile {
    /// What a command line says in place of the file.
    static func overrides(data: String?) -> JSONObject {
        data.map { ["datapath": .string($0)] } ?? JSONObject()
    }

    /// - Parameter data: in place of the file's `datapath`.
    static func read(_ path: String, data: String? = nil) throws -> NodeConfiguration {
        let bytes = try TorrentFile.bytes(of: path)
        do {
            return try NodeConfiguration.parse(bytes, overriding: overrides(data: data))
        } catch {
            throw Failure(.usage, "\(path.shown): \(error)")
        }
    }
}
