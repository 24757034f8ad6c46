import Fleet
import Identity
import Text
import Threads

// Renewal of the certificate: when two thirds of its validity are over, or when control reports that it has expired.
extension LinkClient {
    /// Minimum seconds between two attempts to renew.
    private static let renewalPause = 60.0

    func renewIfDue(_ delegate: any LinkDelegate) async {
        let now = clock()
        // In control's time, as far as the difference of the clocks is known.
        guard hasRunOut || record.certificate.isDue(at: now - difference.seconds), Clocks.steadySeconds >= nextRenewal
        else { return }
        nextRenewal = Clocks.steadySeconds + Self.renewalPause
        do throws(LinkProblem) {
            try await renew()
        } catch {
            logger.warning("the certificate is not renewed", metadata: ["reason": "\(error)"])
            await delegate.failed(error, at: control)
        }
    }

    /// Gets a new certificate for the same key, and stores it.
    package func renew() async throws(LinkProblem) {
        let request: [UInt8]
        do throws(IdentityProblem) { request = try SigningRequest.make(record.key, named: record.name) } catch {
            throw .local(error.description)
        }
        let reply: JoinReply = try await transport.call(
            .POST, "renew", RenewRequest(request: Base64.encode(request)), at: control)
        record.certificate = try LinkJoin.certificate(of: reply, record.key, record.authority, control)
        record.name = reply.name
        hasRunOut = false
        try await memory.saveAll(record)
        try await transport.show((record.certificate, record.key))
    }
}
