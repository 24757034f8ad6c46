import Files
import Glibc

/// A failed call on a socket or on epoll: what was called, and what the kernel answered.
public struct SocketError: Error, CustomStringConvertible, Sendable {
    public let call: String
    /// `errno` after the call.
    public let code: CInt

    public init(_ call: String, code: CInt = errno) {
        self.call = call
        self.code = code
    }

    public var description: String { "\(call): \(SystemError(code))" }
}
