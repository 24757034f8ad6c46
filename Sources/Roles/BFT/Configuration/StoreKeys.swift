import Settings
import Text

/// Credentials and endpoint of a bucket; each is empty if unknown.
package struct StoreKeys: Sendable, Hashable {
    package var accessKey: Secret?
    package var secretKey: Secret?
    /// With a scheme, or a host name alone, which means https.
    package var endpoint: String

    package init(accessKey: Secret? = nil, secretKey: Secret? = nil, endpoint: String = "") {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.endpoint = endpoint
    }

    package var isEmpty: Bool { accessKey == nil && secretKey == nil && endpoint.isEmpty }

    /// `endpoint` with its scheme; nil if there is none.
    package var endpointURL: String? {
        if endpoint.isEmpty { return nil }
        return endpoint.utf8.starts(with: "http://".utf8) || endpoint.utf8.starts(with: "https://".utf8)
            ? endpoint : "https://" + endpoint
    }

    /// The credentials for a bucket: from the task, else from the table, else from the configuration. The two keys are
    /// one pair and never mixed from two places; the endpoint is the first one given.
    package static func resolve(
        bucket: String, task: StoreKeys, table: BucketTable, configuration: StoreKeys
    ) -> StoreKeys {
        let places = [task, table[bucket] ?? StoreKeys(), configuration]
        let pair = places.first { $0.accessKey != nil && $0.secretKey != nil }
        let endpoint = places.first { !$0.endpoint.isEmpty }?.endpoint ?? ""
        return StoreKeys(accessKey: pair?.accessKey, secretKey: pair?.secretKey, endpoint: endpoint)
    }
}

/// The file named by `obsbuckets`: a line `bucket ak sk endpoint` for each organisation's bucket. Empty lines and lines
/// that begin with `#` are skipped.
package struct BucketTable: Sendable, Hashable {
    private var rows: [String: StoreKeys] = [:]

    package init() {}

    /// - Throws: the number of the first invalid line; never its text.
    package static func parse(_ text: String) throws(ConfigurationError) -> BucketTable {
        var table = BucketTable()
        for (index, line) in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }.map { String(Substring($0)) }
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            guard words.count == 4 else {
                throw .setting(
                    .wrong(
                        "obsbuckets",
                        "line \(index + 1) of the file has \(words.count) words; it is 'bucket ak sk endpoint'"))
            }
            table.rows[first] = StoreKeys(
                accessKey: Secret(words[1]), secretKey: Secret(words[2]), endpoint: words[3])
        }
        return table
    }

    package subscript(_ bucket: String) -> StoreKeys? { rows[bucket] }
    package var isEmpty: Bool { rows.isEmpty }
}
