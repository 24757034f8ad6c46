import BFT
import JSON

/// Reads the node's configuration file.
enum NodeConfigurationFile {
    /// Values from the command line that replace those of the file.
    static func overrides(data: String?) -> JSONObject {
        data.map { ["datapath": .string($0)] } ?? JSONObject()
    }

    /// - Parameter data: replaces the file's `datapath`.
    static func read(_ path: String, data: String? = nil) throws -> NodeConfiguration {
        let bytes = try TorrentFile.bytes(of: path)
        do {
            return try NodeConfiguration.parse(bytes, overriding: overrides(data: data))
        } catch {
            throw Failure(.usage, "\(path.shown): \(error)")
        }
    }
}
