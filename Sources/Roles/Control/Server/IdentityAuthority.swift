import Fleet
import FleetLink
import FleetStore
import Hashing
import Identity
import Threads

/// The fleet's certificate authority. The first control creates it, and the database stores it in sealed form.
package struct IdentityAuthority: FleetAuthority {
    private static let purpose = "swoop fleet 1"

    package let authority: Authority
    private let secret: SealingSecret

    package var pin: SHA256Digest { authority.pin }
    package var certificate: String { authority.trusted.pem }

    /// Opens the authority, or creates it if the database has none.
    /// - Parameters:
    ///   - path: the file `control.secret`.
    ///   - now: seconds since 1970.
    @inline(never)
    package static func open(
        _ store: ControlStore, secretFile path: String, now: Double
    ) async throws(ControlProblem) -> IdentityAuthority {
        let known: ControlStore.SealedAuthority?
        do { known = try await store.authority() } catch { throw .store(error) }
        do {
            if let known {
                guard let secret = try await offload({ () throws(IdentityProblem) in try SealingSecret.read(path) })
                else {
                    throw ControlProblem.secret(
                        "\(path) is missing: the database has an authority, whose key it opens. Copy it from a control that has it"
                    )
                }
                return try opened(known, secret)
            }
            let secret = try await offload { () throws(IdentityProblem) in try SealingSecret.inFile(path) }
            let made = try Authority(now: now)
            let sealed = ControlStore.SealedAuthority(
                key: try made.sealedKey(under: secret), certificate: made.trusted.pem)
            let kept = try await store.put(sealed)
            return try opened(kept, secret)
        } catch let problem as ControlProblem { throw problem } catch let error as StoreError {
            throw .store(error)
        } catch {
            throw .secret("\(error)")
        }
    }

    private static func opened(
        _ kept: ControlStore.SealedAuthority, _ secret: SealingSecret
    ) throws(IdentityProblem) -> IdentityAuthority {
        let certificate = try HostCertificate(pem: kept.certificate)
        return IdentityAuthority(
            authority: try Authority(certificate: certificate.der, sealed: kept.key, under: secret), secret: secret)
    }

    private static func offload<Value: Sendable>(
        _ body: @escaping @Sendable () throws(IdentityProblem) -> Value
    ) async throws(IdentityProblem) -> Value {
        try await Threads.offload(name: "secret") { () throws(IdentityProblem) in try body() }
    }

    package func certificate(
        of node: NodeID, publicKey: [UInt8], at now: Double
    ) throws(LinkRefusal) -> String {
        guard let key = PublicKey(der: publicKey) else {
            throw LinkRefusal(422, "key", "the key is none of P-256")
        }
        do throws(IdentityProblem) { return try authority.node(node.description, key: key, now: now).pem } catch {
            throw LinkRefusal(500, "certificate", "\(error)")
        }
    }

    package func seal(_ bytes: [UInt8]) throws(LinkRefusal) -> [UInt8] {
        do throws(IdentityProblem) { return try secret.seal(bytes, for: Self.purpose) } catch {
            throw LinkRefusal(500, "sealing", "\(error)")
        }
    }

    package func open(_ sealed: [UInt8]) throws(LinkRefusal) -> [UInt8] {
        do throws(IdentityProblem) { return try secret.open(sealed, for: Self.purpose) } catch {
            throw LinkRefusal(500, "sealing", "\(error)")
        }
    }
}
