/// Who changes something, for the history.
package struct Author: Sendable, Hashable {
    /// The name of a token, never a secret.
    package let name: String
    package let address: String

    package init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}
