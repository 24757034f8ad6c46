#if canImport(NodeAPI)
    import Delivery

    /// The node's configuration from its file.
    enum NodeConfigurationFile {
        /// - Parameter data: in place of the file's `datapath`.
        static func read(_ path: String, data: String? = nil) throws -> NodeConfiguration {
            let bytes = try TorrentFile.bytes(of: path)
            do {
                let configuration = try NodeConfiguration.parse(bytes)
                guard let data, var object = try? Delivery.JSONValue.parse(bytes).objectValue else {
                    return configuration
                }
                // Other keys have defaults that depend on this one.
                object["datapath"] = .string(data)
                return try NodeConfiguration.parse(Delivery.JSONValue.object(object).encode())
            } catch {
                throw Failure(.usage, "\(path.shown): \(error)")
            }
        }
    }
#endif
