import HTTPServing

/// What tokens of a registry may do.
extension Role {
    /// Read what has a name.
    package static let pull = Role("pull")
    /// Name something new.
    package static let push = Role("push", including: .pull)
    /// Delete, warm, collect.
    package static let admin = Role("admin", including: .push)
    /// Between roles of one registry: internal paths.
    package static let cluster = Role("cluster", including: .push)
}
