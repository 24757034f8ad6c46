import HTTPTypes
import Hummingbird

/// Answers requests from some addresses only.
package struct AddressFilter: RouterMiddleware {
    package typealias Context = ServiceContext

    private let allows: @Sendable (_ address: String) -> Bool

    /// - Parameter allows: whether requests from an address are answered. An IPv4-mapped IPv6 address is passed as
    ///   IPv4.
    package init(allows: @escaping @Sendable (_ address: String) -> Bool) { self.allows = allows }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let address = context.channel.remoteAddress?.ipAddress, allows(Self.plain(address)) else {
            var response = Response.text("this address is not allowed here\n", status: .forbidden)
            // The body is not read, so the connection cannot serve another request.
            response.headers[.connection] = "close"
            return response
        }
        return try await next(request, context)
    }

    static func plain(_ address: String) -> String {
        let mapped = "::ffff:"
        return address.lowercased().hasPrefix(mapped) && address.contains(".")
            ? String(address.dropFirst(mapped.count)) : address
    }
}
