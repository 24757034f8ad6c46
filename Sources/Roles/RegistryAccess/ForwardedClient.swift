import Address
import HTTPServing
import HTTPTypes
import Hummingbird

/// The client of a request that one part of a registry forwards to another, with the client's own credentials. The part
/// that forwards says the client's address, and proves by its own token that it belongs to the registry.
package enum ForwardedClient {
    package static let addressHeader = "Swoop-Client-Address"
    /// Holds the token as `Authorization` does.
    package static let proofHeader = "Swoop-Forwarded-By"

    /// The address of the client that sent a request: the one that a forwarding part of the registry says, else the remote
    /// end of the connection. What anybody else says about an address counts for nothing.
    package static func address(of request: Request, _ context: ServiceContext, _ access: RegistryAccess) -> String {
        guard let text = value(of: addressHeader, request), text.utf8.count <= 64,
            let address = PeerAddress(host: text, port: 0),
            access.isPart(of: value(of: proofHeader, request), context.origin)
        else { return context.remoteAddress }
        return address.host
    }

    private static func value(of header: String, _ request: Request) -> String? {
        HTTPField.Name(header).flatMap { request.headers[$0] }
    }
}

extension RegistryAccess {
    /// Whether a sender belongs to the registry. Without tokens no role can be told from another, so any accepted caller
    /// counts, as for the internal calls.
    fileprivate func isPart(of proof: String?, _ origin: RequestOrigin) -> Bool {
        guard case .tokens(let tokens) = self else { return true }
        guard case .caller(let caller) = tokens.judge(proof, from: origin) else { return false }
        return caller.role.includes(RegistryRoles.cluster)
    }
}
