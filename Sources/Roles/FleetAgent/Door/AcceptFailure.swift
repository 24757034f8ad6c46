import Glibc

/// What to do after `accept` has failed.
package enum AcceptFailure: Sendable, Hashable {
    /// Only this connection has failed.
    case passed
    /// The host lacks something for now.
    case shortage
    /// The socket itself cannot be used any more.
    case lost

    /// - Parameter number: the value of `errno`.
    package init(_ number: Int32) {
        switch number {
        case EINTR, ECONNABORTED, EAGAIN: self = .passed
        case EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP, EFAULT: self = .lost
        default: self = .shortage
        }
    }
}
