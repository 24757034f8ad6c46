/// Who changes something, for the history.
package struct Author: Sendable, Hashable {
    /// The name of a token, never a secret.
    package let name: String
    package let address: String
    /// Other registries that it has come through.
    package let via: ClusterPath

    package init(name: String, address: String, via: ClusterPath = .none) {
        self.name = name
        self.address = address
        self.via = via
    }
}
