/// The author of a change to a tag, as the tag's history records it.
package struct Author: Sendable, Hashable {
    /// The name of the caller's token, never the token's secret.
    package let name: String
    package let address: String
    /// The registries through which a replicated change came.
    package let via: ClusterPath

    package init(name: String, address: String, via: ClusterPath = .none) {
        self.name = name
        self.address = address
        self.via = via
    }
}
